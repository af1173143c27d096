# One static binary, every role of it; which one runs is the command (compose: `serve api`).
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /countersign ./cmd/countersign && mkdir /state

FROM gcr.io/distroless/static:nonroot
COPY --from=build /countersign /countersign
# A volume takes the owner of the folder that it covers: without this one it would be root's, and not writable.
COPY --from=build --chown=nonroot:nonroot /state /state
ENV STATE_DIR=/state
VOLUME /state
USER nonroot:nonroot
EXPOSE 8080
ENTRYPOINT ["/countersign"]
