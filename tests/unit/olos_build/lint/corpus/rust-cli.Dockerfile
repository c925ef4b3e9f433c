FROM rust:1.78 AS build
RUN cargo install cargo-chef
RUN rustup target add x86_64-unknown-linux-musl
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
RUN --mount=type=cache,target=/usr/local/cargo/registry cargo build --release --locked
FROM gcr.io/distroless/cc-debian12
COPY --from=build /src/target/release/app /
CMD ["/app"]
# expected: floating-image cargo-unpinned floating-image
