# syntax=docker/dockerfile:1
ARG VERSION=8.0
FROM mcr.microsoft.com/dotnet/runtime:${VERSION} AS base
WORKDIR /app
RUN echo one && \
    echo two
RUN <<EOF
echo FROM evil
EOF
FROM base
COPY --from=base /app /app
