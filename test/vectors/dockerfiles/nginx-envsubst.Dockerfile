ARG NGINX_VERSION
FROM nginx:${NGINX_VERSION:-1.27} AS base
RUN set -x \
    && nginxPackages=" \
        nginx=${NGINX_VERSION}-${PKG_RELEASE} \
        nginx-module-xslt=${NGINX_VERSION}-${DYNPKG_RELEASE} \
    " \
    && case "$(dpkg --print-architecture)" in \
        amd64|arm64) echo "deb [signed-by=$NGINX_GPGKEY_PATH] https://nginx.org/packages/mainline/debian/ bookworm nginx" >> /etc/apt/sources.list.d/nginx.list ;; \
        *) \
# we're on an architecture upstream doesn't officially build for
# let's build binaries from the published packaging sources
            tempDir="$(mktemp -d)" \
            && chmod 777 "$tempDir" \
            ;; \
    esac \
    && ln -sf /dev/stdout /var/log/nginx/access.log
COPY docker-entrypoint.sh /
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
