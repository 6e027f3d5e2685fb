# The operator, the image agent and the pod service. `npm run image` puts together what is copied here, and builds it.
ARG BASE=node:24-slim
FROM ${BASE}
COPY . /podwright
ENV PATH=/podwright/bin:/usr/local/bin:/usr/bin:/bin
USER 65532:65532
ENTRYPOINT ["node", "/podwright/packages/cli/bin/main.mjs"]
