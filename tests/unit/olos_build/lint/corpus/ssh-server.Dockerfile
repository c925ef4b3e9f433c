FROM alpine
RUN apk update && apk add openssh
RUN ssh-keygen -A && adduser -D me && echo "me:$(head -c8 /dev/urandom | base64)" | chpasswd
EXPOSE 22
CMD ["/usr/sbin/sshd", "-D"]
# expected: floating-image apk-unpinned apk-cache-left apk-cache-left key-generated user-without-id random
