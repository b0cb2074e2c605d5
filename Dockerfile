# The same image as `make image`, for those who have a container engine. It was not tried where the
# project is built and tested, since no engine runs there: `make image` is what the tests use.
FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /src
COPY tools/install-packages tools/
RUN tools/install-packages build image
COPY . .
RUN make build && deploy/image/collect build/release /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/etcd-operator"]
LABEL org.opencontainers.image.title="etcd-operator" org.opencontainers.image.licenses="Apache-2.0"
