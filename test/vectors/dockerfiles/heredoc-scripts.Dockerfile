# syntax=docker/dockerfile:1.4
FROM debian:12-slim
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
ARG VERSION=1.2.3
RUN <<EOF
apt-get update
apt-get install -y --no-install-recommends curl ca-certificates
rm -rf /var/lib/apt/lists/*
EOF
RUN [ -f /etc/app.conf ] || cat > /etc/app.conf <<'CONF'
FROM = here
[section]
key = "value"
CONF
RUN cat <<-EOF > /etc/version-${VERSION%%.*}
	RUN this is no instruction
	version=${VERSION%.*}
	EOF
COPY <<one <<two /data/
first file
one
COPY second file
two
RUN <<PYTHON python3 - || true
import sys
print("FROM python", sys.version)
PYTHON
