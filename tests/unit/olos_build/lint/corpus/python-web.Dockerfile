FROM python:3.12-slim AS build
WORKDIR /src
ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update && apt-get install -y --no-install-recommends \
        build-essential \
        libpq-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .

FROM python:3.12-slim
COPY --from=build /usr/local /usr/local
COPY --from=build /src /src
RUN groupadd -r app && useradd -r -g app app
USER app
EXPOSE 8000/tcp
HEALTHCHECK --interval=30s CMD curl -fs http://localhost:8000/ || exit 1
CMD ["gunicorn", "-b", ":8000", "app:app"]
# expected: floating-image floating-image apt-unpinned pip-no-hashes python-bytecode user-without-id user-without-id
