# syntax=docker/dockerfile:1.4
ARG AIRFLOW_EXTRAS="aiobotocore,amazon,async,celery,cncf-kubernetes,docker,elasticsearch,ftp,google"
ARG ADDITIONAL_AIRFLOW_EXTRAS=""
ARG AIRFLOW_VERSION="2.10.4"
ARG PYTHON_BASE_IMAGE="python:3.12-slim-bookworm"

FROM scratch as scripts

# By default PIP has progress bar but you can disable it.
COPY <<"EOF" /install_os_dependencies.sh
#!/usr/bin/env bash
set -euo pipefail
if [[ "$#" != 1 ]]; then
    echo "ERROR! There should be 'runtime' or 'dev' parameter passed as argument.".
    exit 1
fi
function get_runtime_apt_deps() {
    local debian_version
    debian_version=$(cat /etc/os-release | grep VERSION_CODENAME | cut -d "=" -f 2)
    COPY_ME="FROM ${debian_version}"
}
EOF

COPY <<"EOF" /pip
#!/usr/bin/env bash
exec python -m pip "${@}"
EOF

FROM ${PYTHON_BASE_IMAGE} as airflow-build-image
SHELL ["/bin/bash", "-o", "pipefail", "-o", "errexit", "-o", "nounset", "-o", "nolog", "-c"]
ARG PYTHON_BASE_IMAGE
ENV PYTHON_BASE_IMAGE=${PYTHON_BASE_IMAGE} \
    DEBIAN_FRONTEND=noninteractive LANGUAGE=C.UTF-8 LANG=C.UTF-8
ARG DEV_APT_DEPS=""
COPY --from=scripts install_os_dependencies.sh /scripts/docker/
RUN bash /scripts/docker/install_os_dependencies.sh dev
RUN --mount=type=cache,id=$PYTHON_BASE_IMAGE-$AIRFLOW_VERSION,target=/tmp/.cache/pip,uid=50000 \
    if [[ -f /docker-context-files/constraints.txt ]]; then \
        echo "constraints"; \
    fi; \
    find /root/.local -executable -print0 | xargs --null chmod g+x

FROM ${PYTHON_BASE_IMAGE} as main
COPY --chown=airflow:0 --from=airflow-build-image /root/.local /home/airflow/.local
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
