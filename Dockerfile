FROM rust:1.95-bookworm AS build
WORKDIR /caravan
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# The Postgres server programs serve `CARAVAN_DATABASE_URL=embedded`; with a database of its own they stay unused.
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/caravan caravan \
    && install --directory --owner=caravan /var/lib/caravan/data
COPY --from=build /caravan/target/release/caravan /usr/local/bin/caravan
USER caravan
WORKDIR /var/lib/caravan
ENV CARAVAN_LISTEN=0.0.0.0:8080 CARAVAN_DATA_DIR=/var/lib/caravan/data CARAVAN_LOG_FORMAT=json
VOLUME /var/lib/caravan/data
EXPOSE 8080
ENTRYPOINT ["caravan"]
CMD ["serve"]
