# syntax=docker/dockerfile:1
ARG BRANCH=feature/new-login
ARG CHANNEL=${BRANCH%%/*}
ARG TAG=${BRANCH//\//-}
ARG HOST="registry.example.com"
FROM ${HOST}/${CHANNEL/feature/dev}/app:${TAG} AS app
FROM ${HOST}/tools/${CHANNEL:+lint}:${CHANNEL:?unset}-latest
COPY --from=app /app /app
