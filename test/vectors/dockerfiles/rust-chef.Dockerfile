# syntax=docker/dockerfile:1.7
ARG RUST_VERSION=1.84
ARG APP_NAME=server

FROM lukemathwalker/cargo-chef:0.1-rust-${RUST_VERSION} AS chef
WORKDIR /app

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
ARG APP_NAME
COPY --from=planner /app/recipe.json recipe.json
RUN cargo chef cook --release --recipe-path recipe.json
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/app/target,id=target-${APP_NAME} \
    cargo build --locked --release && cp ./target/release/$APP_NAME /bin/server

FROM debian:bookworm-slim AS runtime
ARG UID=10001
RUN adduser --disabled-password --gecos "" --home "/nonexistent" --shell "/sbin/nologin" --no-create-home --uid "${UID}" appuser
USER appuser
COPY --from=builder /bin/server /bin/
CMD ["/bin/server"]
