# syntax=docker/dockerfile:1
#
# docker build -t resonance .
# docker build -t resonance --build-arg FEATURES= .     without the built-in engine, and so without the GPL

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The features of the binary, separated by commas.
ARG FEATURES=engine-espeak
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p resonance --no-default-features --features "$FEATURES" \
    && install -D target/release/resonance /out/resonance \
    && install -D -t /out/licences LICENSE-MIT LICENSE-APACHE \
    && case "$FEATURES" in *engine-espeak*) cp crates/speech-espeak/COPYING /out/licences/COPYING.engine-espeak ;; esac

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin resonance \
    && install -d -o resonance -g resonance -m 0750 /data
COPY --from=build /out/resonance /usr/local/bin/resonance
COPY --from=build /out/licences /usr/share/doc/resonance
USER resonance
WORKDIR /data
VOLUME /data
ENV RESONANCE_LISTEN=0.0.0.0:8080 \
    RESONANCE_DATA_DIR=/data \
    RESONANCE_LOG_FORMAT=json
EXPOSE 8080
# The server finishes running jobs, or hands them back, when it is told to stop.
STOPSIGNAL SIGTERM
# Ready means: the database and the object store answer.
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["resonance"]
CMD ["serve"]
