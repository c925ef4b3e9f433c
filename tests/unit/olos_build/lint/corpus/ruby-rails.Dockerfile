ARG RUBY_VERSION=3.3.1
FROM registry.docker.com/library/ruby:$RUBY_VERSION-slim as base
ENV RAILS_ENV="production" BUNDLE_DEPLOYMENT="1" SECRET_KEY_BASE="0123456789abcdef"
FROM base as build
RUN apt-get update -qq && \
    apt-get install --no-install-recommends -y git libvips pkg-config
RUN gem install bundler
COPY Gemfile Gemfile.lock ./
RUN bundle install && rm -rf ~/.bundle/
FROM base
COPY --from=build /usr/local/bundle /usr/local/bundle
RUN useradd rails --create-home --shell /bin/bash
USER rails:rails
CMD ["./bin/rails", "server"]
# expected: floating-image secret-value apt-unpinned apt-cache-left gem-unpinned user-without-id
