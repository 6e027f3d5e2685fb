import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is counted. No label names a tenant: whoever reads the metrics sees how busy the service is, not who is. */
export interface Metrics {
  registry: Registry;
  requests: Counter<"method" | "route" | "status">;
  requestSeconds: Histogram<"method" | "route">;
  creates: Histogram<"result">;
  tenantCalls: Counter<"outcome">;
}

/** Read when metrics are asked for. */
export interface Gauges {
  waiting: () => number;
  active: () => number;
  streams: () => number;
  breakerOpen: () => boolean;
}

export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge("podwright_pod_service_queued_runs", "Runs that wait.", gauges.waiting);
  gauge("podwright_pod_service_active_runs", "Runs in the cluster that are not finished.", gauges.active);
  gauge("podwright_pod_service_streams", "Open streams of server-sent events.", gauges.streams);
  gauge("podwright_pod_service_tenant_service_open", "1 while the tenant service is left alone.", () =>
    Number(gauges.breakerOpen()),
  );
  gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  return {
    registry,
    requests: new Counter({
      name: "podwright_pod_service_requests_total",
      help: "Answers, by status.",
      labelNames: ["method", "route", "status"],
      registers,
    }),
    requestSeconds: new Histogram({
      name: "podwright_pod_service_request_seconds",
      help: "From request to answer.",
      labelNames: ["method", "route"],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    }),
    creates: new Histogram({
      name: "podwright_pod_service_create_seconds",
      help: "Attempts to create a Pod or a Job, as the API server answered them.",
      labelNames: ["result"],
      buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
      registers,
    }),
    tenantCalls: new Counter({
      name: "podwright_pod_service_tenant_calls_total",
      help: "Questions for tenants, by what came of them.",
      labelNames: ["outcome"],
      registers,
    }),
  };
}
