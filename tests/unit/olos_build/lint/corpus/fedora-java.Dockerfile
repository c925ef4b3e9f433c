FROM fedora:40
RUN dnf -y update && dnf -y install java-21-openjdk-headless && dnf clean all
ADD https://example.org/app-1.0.jar /opt/app.jar
RUN keytool -genkeypair -alias a -keystore /ks -storepass changeit
RUN openssl rand -hex 16 > /etc/app.key
CMD ["java", "-jar", "/opt/app.jar"]
# expected: floating-image system-upgrade rpm-unpinned add-url-checksum key-generated random
