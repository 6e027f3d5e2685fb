import { join } from "node:path";
import {
  type ApiServer,
  Compactor,
  clientCertificateAuthenticator,
  createAdmission,
  createApiServer,
  createResourceRegistry,
  createServiceAccountTokens,
  formatKubeconfig,
  type HttpListener,
  listen,
  type NodeConnection,
  nativeResources,
  openPki,
  openStorage,
  type Pki,
  putBootstrapPolicy,
  serveOpenApi,
  serviceAccountAuthenticator,
  startCustomResources,
  startRbac,
  type UserInfo,
  writeKubeconfig,
} from "@podwright/apiserver";
import { Client, type Clock, type Logger, silentLogger, systemClock } from "@podwright/client";
import { status } from "@podwright/kube";
import { bootstrap } from "./bootstrap.ts";
import { clusterId } from "./cluster-id.ts";
import { type ControlLoops, startControlLoops } from "./control-loops.ts";
import { localFolders } from "./controllers/persistent-volumes/local-folders.ts";
import { inProcessTransport } from "./in-process-transport.ts";
import { nodeDirectory, removeNodeDirectory, volumesDirectory } from "./node/node-directory.ts";
import type { RuntimeName } from "./node/runtimes/runtime-machine.ts";
import { openRuntimeMachines, type RuntimeMachines } from "./node/runtimes/runtime-machines.ts";
import type { StartNodesOptions } from "./node/start-nodes.ts";

export interface ClusterOptions {
  /** Where everything is kept; made when it is not there. Without it the cluster lives in memory. */
  dataDir?: string;
  /** Listens for HTTPS on this port; 0: any free one. Without it there is no listener, only {@link Cluster.client}. */
  port?: number;
  /** What to listen on. Default 127.0.0.1. */
  host?: string;
  /** How many nodes. Default 1. */
  nodes?: number;
  /**
   * What runs the pods' containers: "auto" takes docker if it answers, else containerd, else simulated. A pod or a
   * namespace can choose another by the annotation podwright.dev/runtime. Default "simulated".
   */
  runtime?: RuntimeName | "auto";
  /** Where the docker daemon is, as DOCKER_HOST has it. Default: that, or the machine's own. */
  dockerHost?: string;
  /** The range of the pods' network where there is one. Default: one that is free. */
  podCidr?: string;
  /** What each node has, how fast its pods start, and where its static pods are. */
  node?: Pick<StartNodesOptions, "capacity" | "labels" | "startDelayMs" | "staticPodPath">;
  /** Where to write an administrator's kubeconfig, when there is a listener. */
  kubeconfigPath?: string;
  /** Who may do what: by roles and bindings, or whoever has proved to be somebody may do everything. Default RBAC. */
  authorization?: "RBAC" | "AlwaysAllow";
  clock?: Clock;
  logger?: Logger;
}

export interface Cluster extends AsyncDisposable {
  /** An administrator, without the way over the network. */
  client: Client;
  /** "https://127.0.0.1:6443"; "" when nothing is listened on. */
  server: string;
  /** An administrator's kubeconfig as YAML; "" when nothing is listened on. */
  kubeconfig: string;
  /** The certificate of the cluster's authority, PEM. */
  ca: string;
  /** What runs the pods: "docker", "20.10.24". */
  runtime: { name: RuntimeName; version: string };
  /** Ends everything; resolves when nothing of the cluster is left but its data directory. */
  stop(): Promise<void>;
}

/** Changes stay readable for at least so long, as upstream has it. */
const compactEveryMs = 300_000;

const administrator: UserInfo = { username: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/**
 * Starts a Kubernetes cluster in this process: API server, controllers, scheduler and nodes. As many as
 * you like, side by side. Rejects with EADDRINUSE or EACCES (`code`) when the port cannot be had, with a
 * StorageError when the data directory cannot be used.
 *
 * @example
 * await using cluster = await startCluster();
 * await cluster.client.resource(pods).list();
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock, logger = silentLogger, dataDir } = options;
  // Undone in the reverse order, whatever was done so far.
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const id = clusterId(dataDir);
    const startDelayMs = options.node?.startDelayMs;
    // A daemon takes as long to answer as the cluster to start.
    const opening = openRuntimeMachines({
      runtime: options.runtime ?? "simulated",
      clusterId: id,
      temporary: dataDir === undefined,
      clock,
      ...(options.podCidr === undefined ? {} : { podCidr: options.podCidr }),
      ...(options.dockerHost === undefined ? {} : { env: { ...process.env, DOCKER_HOST: options.dockerHost } }),
      ...(startDelayMs === undefined ? {} : { startDelayMs }),
    });
    // It is waited for later.
    opening.catch(() => {});
    undo.push(() =>
      opening.then(closeMachines(dataDir === undefined ? nodeDirectory(dataDir, id) : undefined), () => {}),
    );
    const storage = await openStorage(
      dataDir === undefined ? { type: "memory" } : { type: "lmdb", path: join(dataDir, "data") },
    );
    undo.push(() => storage.close());
    // The disk takes it while keys and resources are made.
    const policy = options.authorization === "AlwaysAllow" ? undefined : putBootstrapPolicy(storage, clock.now());
    policy?.catch(() => {});
    const pki = await openPki({
      now: clock.now(),
      ...(dataDir === undefined ? {} : { directory: join(dataDir, "pki") }),
      ...(options.host === undefined ? {} : { hosts: [options.host] }),
    });

    const registry = createResourceRegistry(nativeResources());
    const customResources = startCustomResources({ storage, registry, clock });
    undo.push(() => customResources.stop());
    const rbac = options.authorization === "AlwaysAllow" ? undefined : startRbac(storage);
    if (rbac !== undefined) undo.push(() => rbac.close());
    const admission = createAdmission({ storage, registry, ...rbac });
    undo.push(() => admission.close());
    const tokens = createServiceAccountTokens({ signingKey: pki.serviceAccountKey });
    // The nodes come later: they are clients of the server.
    let loops: ControlLoops | undefined;
    const server = createApiServer({
      nodes: connectionOf(() => loops?.nodes),
      storage,
      registry,
      admission: admission.chain,
      authenticators: [clientCertificateAuthenticator(), serviceAccountAuthenticator(tokens, storage, clock)],
      ...(rbac && { authorizer: rbac.authorizer }),
      serviceAccountTokens: tokens,
      pathHandlers: [serveOpenApi(registry)],
      clock,
      onError: (error, request) => {
        const fields = { method: request.method, path: request.path, error: String((error as Error)?.stack ?? error) };
        logger.error("the API server failed at a request", fields);
      },
    });
    undo.push(() => server.close());
    const compactor = new Compactor({
      storage,
      clock,
      intervalMs: compactEveryMs,
      onError: (error) => logger.warn("compaction failed", { error: String(error) }),
    });
    compactor.start();
    undo.push(() => compactor.stop());

    const client = new Client(inProcessTransport(server, administrator), { userAgent: "podwright/0.1.0" });
    undo.push(() => client.close());
    const listener = await listenIfAsked(server, pki, options);
    if (listener !== undefined) undo.push(() => listener.close());
    await Promise.all([bootstrap(client, { port: listener?.port, clientCa: pki.ca.cert }), policy]);
    const address = `https://${options.host ?? "127.0.0.1"}:${listener?.port}`;
    const kubeconfig =
      listener === undefined ? "" : formatKubeconfig({ server: address, ca: pki.ca.cert, client: pki.admin });
    if (listener !== undefined && options.kubeconfigPath !== undefined) {
      await writeKubeconfig(options.kubeconfigPath, kubeconfig);
    }
    const machines = await opening;
    const { main } = machines;
    const running = await startControlLoops({
      machines,
      clusterId: id,
      ...(listener && { apiServer: { host: options.host ?? "127.0.0.1", port: listener.port } }),
      nodeDirectory: nodeDirectory(dataDir, id),
      localFolders: localFolders(volumesDirectory(dataDir, id), (path) => machines.removeForeign(path)),
      server,
      caCertificate: pki.ca.cert,
      nodes: options.nodes ?? 1,
      node: options.node ?? {},
      clock,
      logger,
    });
    loops = running;
    undo.push(() => running.stop());
    return {
      client,
      server: listener === undefined ? "" : address,
      kubeconfig,
      ca: pki.ca.cert,
      runtime: { name: main.name, version: main.version },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of a cluster in memory, the folder of its nodes goes with the pods that used it. */
function closeMachines(temporaryDirectory: string | undefined): (machines: RuntimeMachines) => Promise<void> {
  return async (machines) => {
    await machines.close();
    if (temporaryDirectory !== undefined && machines.real.length > 0) {
      await removeNodeDirectory(temporaryDirectory, (path) => machines.removeForeign(path));
    }
  };
}

/** The nodes' connection as soon as there is one. */
function connectionOf(nodes: () => NodeConnection | undefined): NodeConnection {
  const reached = (): NodeConnection => {
    const connection = nodes();
    if (connection === undefined) throw status.internalError("the cluster has no nodes yet");
    return connection;
  };
  return {
    containerLogs: async (...request) => nodes()?.containerLogs(...request),
    exec: async (...request) => reached().exec(...request),
    attach: async (...request) => reached().attach(...request),
    dial: async (...request) => reached().dial(...request),
  };
}

async function listenIfAsked(
  server: ApiServer,
  pki: Pki,
  { port, host = "127.0.0.1" }: ClusterOptions,
): Promise<HttpListener | undefined> {
  if (port === undefined) return undefined;
  const { key, cert } = pki.server;
  return listen(server, { port, host, tls: { key, cert, clientCa: pki.ca.cert } });
}
