ARG NODE_VERSION=20
ARG IMAGE_VERSION=latest
FROM electronuserland/builder:${NODE_VERSION} as wine
FROM electronuserland/builder:${NODE_VERSION}-wine${IMAGE_VERSION:+-}${IMAGE_VERSION#latest}mono
RUN dpkg --add-architecture i386 \
  && curl -L https://dl.winehq.org/wine-builds/winehq.key > winehq.key \
  && echo "deb https://dl.winehq.org/wine-builds/debian/ bookworm main" >> /etc/apt/sources.list
ENV WINEDEBUG -all,err+all
