# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM alpine:3.21 AS build
COPY --from=shared /lib /lib
RUN --mount=type=bind,from=shared,source=/,target=/shared cp /shared/a /b
FROM nothing AS empty
COPY --from=build /b /b
FROM release-base
COPY --from=empty / /
