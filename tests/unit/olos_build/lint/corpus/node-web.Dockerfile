# syntax=docker/dockerfile:1.7
ARG NODE=20
FROM node:${NODE}-alpine AS deps
RUN apk add --no-cache libc6-compat
WORKDIR /app
COPY package.json package-lock.json* ./
RUN --mount=type=cache,target=/root/.npm npm ci
FROM node:${NODE}-alpine
ENV NODE_ENV=production
COPY --from=deps --chown=node:node /app /app
RUN npm install -g pm2
USER node
CMD ["pm2-runtime", "server.js"]
# expected: floating-syntax floating-image floating-image apk-unpinned npm-install npm-cache-left
