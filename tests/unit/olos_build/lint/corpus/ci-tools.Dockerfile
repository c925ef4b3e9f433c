FROM ubuntu:22.04
ARG DEBIAN_FRONTEND=noninteractive
ARG GITHUB_TOKEN
ARG BUILD_DATE
LABEL org.opencontainers.image.created="${BUILD_DATE}" org.opencontainers.image.title="tools"
RUN apt-get update && apt-get upgrade -y && apt-get install -y curl unzip git && apt-get clean
RUN curl -fsSL https://example.org/terraform.zip -o /tmp/t.zip && unzip /tmp/t.zip -d /usr/local/bin && rm /tmp/t.zip
RUN curl -s https://example.org/key.gpg | gpg --dearmor > /etc/apt/keyrings/k.gpg
RUN git clone --depth=1 https://example.org/tool.git /opt/tool
RUN pip3 install awscli==1.32.0 yq
CMD ["bash"]
# expected: floating-image secret-argument build-date apt-unpinned apt-cache-left system-upgrade download-unchecked download-unchecked git-clone-moving pip-unpinned pip-no-hashes pip-cache-left python-bytecode pipe-hides-failure
