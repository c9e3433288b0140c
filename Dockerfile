# Builds the npm package and installs it, as `npx runtape` does. See docs/deployment.md.

ARG NODE=22-bookworm

FROM node:${NODE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
COPY console/package.json console/
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm pack
WORKDIR /app
RUN echo '{ "private": true, "allowScripts": { "better-sqlite3": true } }' > package.json
RUN npm install --no-audit --no-fund /src/*.tgz

FROM node:${NODE}-slim
ENV HOST=0.0.0.0 PORT=4000
COPY --from=build /app /app
WORKDIR /runtape
RUN mkdir data && chown node:node data
VOLUME ["/runtape/data"]
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/runtape/dist/main.js"]
CMD ["serve"]
