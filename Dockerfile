# An image for each service, and `tools` with the command, a private DHT, and the making of secrets:
#
#     docker build --target api -t scout-api .          (crypto, dht-node, tools)
#
# Builds with BuildKit and without. A build host that needs certificates or a pip.conf: deploy/build-host/README.md.
ARG BASE=python:3.11-slim-bookworm


FROM ${BASE} AS build
ENV PIP_CONFIG_FILE=/build-host/pip.conf \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1
COPY deploy/build-host /build-host
WORKDIR /build
RUN python -m venv --without-pip /opt/scout
COPY requirements/services.txt requirements/
# only wheels: no package runs code of its own while the image is built
RUN python -m pip --python /opt/scout/bin/python install --no-compile --only-binary :all: --require-hashes -r requirements/services.txt
COPY . .


# What all services share is in /common, and each service's package in /app/services.
FROM build AS project
RUN python -m pip --python /opt/scout/bin/python install --no-compile --no-deps --no-build-isolation --target /app . \
    && python -m pip --python /opt/scout/bin/python uninstall --yes setuptools \
    # bytecode that is never held against its source: the file system is read-only, and times differ between layers
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/scout/lib /app \
    && mkdir -p /common/services \
    && mv /app/shared /app/scout-*.dist-info /common/ \
    && mv /app/services/__init__.py /app/services/py.typed /app/services/__pycache__ /common/services/


FROM ${BASE} AS runtime
ARG REVISION=""
LABEL org.opencontainers.image.title="Scout" \
      org.opencontainers.image.description="Devices that share a secret find each other, and leave each other messages, through the BitTorrent DHT." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/scout/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
STOPSIGNAL SIGTERM


FROM runtime AS service
ENV PYTHONPATH=/app
COPY deploy/ready.py /app/ready.py
COPY --from=project /opt/scout /opt/scout
COPY --from=project /common /app


FROM service AS api
COPY --from=project /app/services/api /app/services/api
ENV SCOUT_API_LISTEN=0.0.0.0:8080 \
    SCOUT_OPS_LISTEN=0.0.0.0:9102
EXPOSE 8080 9102
USER 10001:10001
ENTRYPOINT ["python", "-m", "services.api"]


FROM service AS crypto
COPY --from=project /app/services/crypto /app/services/crypto
ENV SCOUT_OPS_LISTEN=0.0.0.0:9101
EXPOSE 9101
USER 10001:10001
ENTRYPOINT ["python", "-m", "services.crypto"]


FROM service AS dht-node
COPY --from=project /app/services/dht_node /app/services/dht_node
# where a volume for the node's state belongs (SCOUT_DHT_STATE_DIR); without one nothing is kept
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/scout
ENV SCOUT_OPS_LISTEN=0.0.0.0:9103
EXPOSE 6881/udp 9103
USER 10001:10001
ENTRYPOINT ["python", "-m", "services.dht_node"]


FROM build AS everything
COPY requirements/run.txt requirements/
RUN python -m pip --python /opt/scout/bin/python install --no-compile --only-binary :all: --require-hashes -r requirements/run.txt \
    && python -m pip --python /opt/scout/bin/python install --no-compile --no-deps --no-build-isolation . \
    && python -m pip --python /opt/scout/bin/python uninstall --yes setuptools \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/scout/lib


FROM runtime AS tools
COPY deploy/ready.py deploy/redis/users.acl /app/
COPY --from=everything /opt/scout /opt/scout
# fresh volumes take owner and mode from here: the secrets of a stack, and the home of the command
RUN install -d -o 10001 -g 10001 -m 0750 /secrets /secrets/kept /secrets/api /secrets/crypto /secrets/dht-node /secrets/redis /secrets/grafana \
    && install -d -o 10001 -g 10001 -m 0700 /home/scout
ENV HOME=/home/scout
USER 10001:10001
ENTRYPOINT ["scout"]
