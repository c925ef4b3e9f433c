# Everything in it is fixed.
FROM debian:12@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS build
RUN echo "deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/20240601T000000Z bookworm main" \
      > /etc/apt/sources.list \
 && apt-get update \
 && apt-get install -y --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /
RUN pip install --no-cache-dir --no-compile --require-hashes -r /requirements.txt
ADD --checksum=sha256:1111111111111111111111111111111111111111111111111111111111111111 https://example.org/data.tgz /data.tgz
FROM build
RUN useradd --uid 10001 app
USER 10001
CMD ["python3", "-m", "app"]
# expected:
