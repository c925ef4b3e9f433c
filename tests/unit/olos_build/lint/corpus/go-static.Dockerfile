FROM golang:1.22@sha256:1111111111111111111111111111111111111111111111111111111111111111 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd ./cmd
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.date=$(date -u +%Y-%m-%d)" -o /app ./cmd/app
RUN go install github.com/go-delve/delve/cmd/dlv@latest
FROM scratch
COPY --from=build /app /app
ENTRYPOINT ["/app"]
# expected: clock go-unpinned
