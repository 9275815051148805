# The program linklogger, alone in a small image. Which role it plays is said by LINKLOGGER_ROLES.
FROM node:24-bookworm-slim AS dashboard
WORKDIR /src/dashboard
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN npm ci
COPY frontend-schema.graphql /src/
COPY dashboard .
RUN npm run build

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=dashboard /src/dashboard/dist dashboard/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    CARGO_TARGET_DIR=/target cargo build --release --locked --bin linklogger && cp /target/release/linklogger /linklogger

FROM debian:bookworm-slim
# By which `linklogger geoip fetch` knows whom it talks to.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /data linklogger
COPY --from=build /linklogger /usr/local/bin/linklogger
USER linklogger
VOLUME /data
ENV LINKLOGGER_DATA_DIR=/data \
    LINKLOGGER_API_LISTEN=0.0.0.0:8080 \
    LINKLOGGER_REDIRECT_LISTEN=0.0.0.0:8081 \
    LINKLOGGER_OPS_LISTEN=0.0.0.0:9090 \
    LINKLOGGER_LOG_FORMAT=json
EXPOSE 8080 8081 9090
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s CMD ["linklogger", "healthcheck"]
ENTRYPOINT ["linklogger"]
CMD ["serve"]
