# syntax=docker/dockerfile:1
FROM python:3.12-alpine
COPY --chmod=0755 <<"EOT" /usr/local/bin/entry
#!/bin/sh
set -e
for f in /docker-entrypoint.d/*; do
  case "$f" in
    *.sh) . "$f" ;;
    *) echo "ignoring $f" ;;
  esac
done
exec "$@"
EOT
RUN <<EOT bash
  set -ex
  echo "hello $((1<<3))"
  x=${HOME:0:1}
EOT
RUN echo "${PATH:-none}" <<< x && cat <<EOT | tee /etc/motd
welcome
EOT
ENTRYPOINT ["/usr/local/bin/entry"]
