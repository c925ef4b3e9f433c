FROM busybox:1.36
ONBUILD COPY . /usr/src/app
ONBUILD RUN npm install && npm cache clean --force
ONBUILD RUN echo $RANDOM > /seed
CMD ["sh"]
# expected: floating-image npm-install random
