# syntax=docker/dockerfile:1
# The image of `run`, `sweep` and the other commands; `dev` needs the stand-ins, which are not in it.
# deploy/container/ builds and runs the same tree without Docker, by reading this file: it knows the instructions
# that stand here, and each RUN works in WORKDIR by relative paths.

FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
# Node strips no types under node_modules, so that no TypeScript there can run; nothing here runs in a browser.
RUN find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
 && find node_modules -type d \( -path '*/dist/browser' -o -path '*/dist/react-native' -o -path '*/dist/workerd' -o -path '*/build/esnext' \) -prune -exec rm -r {} +
COPY LICENSE ./
COPY src src
# A clone that was made under a strict umask must be readable to the image's user too, and writable to none.
RUN chmod -R a+rX,a-w .

# No shell, no package manager: Node and the libraries that it needs.
FROM gcr.io/distroless/nodejs24-debian13:nonroot
LABEL org.opencontainers.image.title="history-worker" \
      org.opencontainers.image.description="Persists finished chat turns from Azure Service Bus and Redis to Azure Cosmos DB." \
      org.opencontainers.image.licenses="MIT"
WORKDIR /app
COPY --from=build /app /app
ENV NODE_ENV=production HEALTH_HOST=0.0.0.0
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["/nodejs/bin/node", "/app/src/health-check.ts"]
# In exec form: node is process 1 and gets the signals itself.
ENTRYPOINT ["/nodejs/bin/node", "/app/src/main.ts"]
CMD ["run"]
