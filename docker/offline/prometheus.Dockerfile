# Debian's Prometheus, laid out as the official image is; with wget, which that image has too.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends prometheus wget \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o nobody -g nogroup /prometheus
WORKDIR /prometheus
USER nobody
ENTRYPOINT ["prometheus"]
