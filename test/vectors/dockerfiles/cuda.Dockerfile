ARG CUDA_VERSION=12.4.1
ARG CUDNN=
ARG UBUNTU_VERSION=22.04
ARG FLAVOUR=devel
ARG BASE=nvidia/cuda:${CUDA_VERSION}${CUDNN:+-cudnn${CUDNN}}-${FLAVOUR}-ubuntu${UBUNTU_VERSION}
ARG MAX_JOBS=${MAX_JOBS:-4}
FROM ${BASE} AS dev
ARG TORCH_CUDA_ARCH_LIST='7.0 7.5 8.0+PTX'
ENV TORCH_CUDA_ARCH_LIST=${TORCH_CUDA_ARCH_LIST}
RUN ldconfig /usr/local/cuda-$(echo $CUDA_VERSION | cut -d. -f1,2)/compat/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,source=requirements-cuda.txt,target=requirements-cuda.txt \
    python3 -m pip install -r requirements-cuda.txt
FROM nvidia/cuda:${CUDA_VERSION}-base-ubuntu${UBUNTU_VERSION} AS serve
COPY --from=dev /usr/local/lib/python3.10 /usr/local/lib/python3.10
