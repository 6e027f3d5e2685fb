import type { CallOptions, GrpcConnection } from "../connection.ts";
import { method } from "../connection.ts";
import { descriptor } from "../descriptor.ts";
import { empty, fieldMask, timestamp } from "../google.ts";
import {
  bool,
  message,
  nested,
  repeated,
  repeatedMessages,
  string,
  stringMap,
  type ValueOfMessage,
} from "../message.ts";
import { inNamespace } from "../namespaced.ts";

/** A name for what is in the content store. */
export const image = message({
  name: string(1),
  labels: stringMap(2),
  /** Its manifest, or the index of its platforms' manifests. */
  target: nested(3, descriptor),
  createdAt: nested(7, timestamp),
  updatedAt: nested(8, timestamp),
});
export type Image = ValueOfMessage<typeof image>;

const oneImage = message({ image: nested(1, image) });
const byName = message({ name: string(1), sync: bool(2) });

const service = "/containerd.services.images.v1.Images/";
const methods = {
  get: method(`${service}Get`, message({ name: string(1) }), oneImage),
  list: method(
    `${service}List`,
    message({ filters: repeated(1, "string") }),
    message({ images: repeatedMessages(1, image) }),
  ),
  create: method(`${service}Create`, oneImage, oneImage),
  update: method(`${service}Update`, message({ image: nested(1, image), updateMask: nested(2, fieldMask) }), oneImage),
  delete: method(`${service}Delete`, byName, empty),
};

/** What the events /images/create, /images/update and /images/delete carry. */
export const imageEvent = message({ name: string(1), labels: stringMap(2) });

/** The images of a containerd namespace. All methods throw GrpcError. */
export function imagesOf(connection: GrpcConnection, namespace: string) {
  const within = inNamespace(namespace);
  return {
    async get(name: string, options?: CallOptions): Promise<Image> {
      return (await connection.unary(methods.get, { name }, within(options))).image as Image;
    },
    /** Filters as containerd has them: 'name==docker.io/library/busybox:latest'. */
    async list(filters: string[] = [], options?: CallOptions): Promise<Image[]> {
      return (await connection.unary(methods.list, { filters }, within(options))).images;
    },
    async create(value: Partial<Image>, options?: CallOptions): Promise<Image> {
      return (await connection.unary(methods.create, { image: value as Image }, within(options))).image as Image;
    },
    /** Gives the image of the name this target and these labels; of a mask ("target", "labels.x") those fields alone. */
    async update(value: Partial<Image>, paths: string[] = [], options?: CallOptions): Promise<Image> {
      const updateMask = paths.length === 0 ? {} : { updateMask: { paths } };
      const request = { image: value as Image, ...updateMask };
      return (await connection.unary(methods.update, request, within(options))).image as Image;
    },
    /** With `sync` it returns when its content is collected. */
    async delete(name: string, { sync = false, ...options }: CallOptions & { sync?: boolean } = {}): Promise<void> {
      await connection.unary(methods.delete, { name, sync }, within(options));
    },
  };
}
