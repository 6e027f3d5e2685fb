import { randomUUID } from "node:crypto";
import {
  formatApiVersion,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type KubeObject,
  parseApiVersion,
  parseJson,
  stringifyJson,
} from "@podwright/kube";
import { jsonTypeName, requireObject, unregisteredText } from "../decoding/body.ts";
import { plainError } from "../output/plain-error.ts";
import { checkIdentity, withOriginalMetadata } from "./converted-object.ts";

/**
 * Brings objects of one kind into a version, in one call. Those that have it are handed through; nothing is changed.
 * Rejects with a StatusError of code 500, with upstream's text.
 */
export type ObjectConverter = (objects: readonly KubeObject[], apiVersion: string) => Promise<KubeObject[]>;

/** Of kube-apiserver's client. */
const timeoutSeconds = 30;

const group = "apiextensions.k8s.io";

/**
 * Asks a conversion webhook (k8s.io/apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go).
 *
 * @param reviewVersions spec.conversion.webhook.conversionReviewVersions: the first that is known here is spoken
 * @param post sends a body and gives the answer's text, or throws an Error as a Go client words it
 */
export function createWebhookConverter(
  reviewVersions: readonly string[],
  post: (body: string, timeoutSeconds: number) => Promise<string>,
): ObjectConverter {
  const version = reviewVersions.find((each) => each === "v1" || each === "v1beta1");

  return async (objects, apiVersion) => {
    const given = objects.filter((object) => object.apiVersion !== apiVersion && !isEmpty(object));
    const [first] = given;
    if (first === undefined) return objects.map((object) => inVersion(object, apiVersion));
    if (version === undefined) throw plainError("no supported conversion review versions");
    const subject = `conversion webhook for ${kindText(first)}`;
    let converted: readonly JsonValue[];
    try {
      const uid = randomUUID();
      const reviewVersion = formatApiVersion(group, version);
      converted = readReview(await post(encodeReview(reviewVersion, uid, given, apiVersion), timeoutSeconds), {
        reviewVersion,
        uid,
      });
    } catch (error) {
      throw plainError(`${subject} failed: ${(error as Error).message}`);
    }
    if (converted.length !== given.length) {
      throw plainError(`${subject} returned ${converted.length} objects, expected ${given.length}`);
    }
    let index = 0;
    return objects.map((object) => {
      if (object.apiVersion === apiVersion || isEmpty(object)) return inVersion(object, apiVersion);
      const at = index++;
      return accepted(object, converted[at] as JsonValue, apiVersion, { subject, at, several: given.length > 1 });
    });
  };
}

/** An object of nothing but its kind: field management makes one. */
function isEmpty(object: KubeObject): boolean {
  return Object.keys(object).length === 2 && object.kind !== undefined && object.apiVersion !== undefined;
}

function inVersion(object: KubeObject, apiVersion: string): KubeObject {
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

/** "example.com/v1, Kind=Widget", as Go prints it. */
function kindText({ apiVersion, kind }: { apiVersion?: JsonValue; kind?: JsonValue }): string {
  const { group, version } = parseApiVersion(typeof apiVersion === "string" ? apiVersion : "");
  return `${group}/${version}, Kind=${typeof kind === "string" ? kind : ""}`;
}

function encodeReview(reviewVersion: string, uid: string, objects: KubeObject[], desiredAPIVersion: string): string {
  return stringifyJson({
    kind: "ConversionReview",
    apiVersion: reviewVersion,
    request: { uid, desiredAPIVersion, objects: objects as JsonValue[] },
    response: { uid: "", convertedObjects: null, result: { metadata: {} } },
  });
}

/** The answer's objects. Throws an Error with upstream's text. */
function readReview(
  text: string,
  { reviewVersion, uid }: { reviewVersion: string; uid: string },
): readonly JsonValue[] {
  const review = parseReview(text, reviewVersion);
  const { response } = review;
  const isV1 = reviewVersion === `${group}/v1`;
  // v1beta1 looks at neither kind nor uid.
  if (isV1 && (review["apiVersion"] !== reviewVersion || review["kind"] !== "ConversionReview")) {
    const expected = kindText({ apiVersion: reviewVersion, kind: "ConversionReview" });
    throw new Error(`expected webhook response of ${expected}, got ${kindText(review)}`);
  }
  if (response === undefined || response === null) throw new Error("no response provided");
  if (!isJsonObject(response)) throw mistyped(response, "ConversionReview.response", "v1.ConversionResponse");
  const got = response["uid"] ?? "";
  if (isV1 && got !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(got)}`);
  }
  const result = isJsonObject(response["result"]) ? response["result"] : {};
  if (result["status"] !== "Success") {
    throw new Error(
      typeof result["message"] === "string" && result["message"] !== ""
        ? result["message"]
        : `response.result.status was '${result["status"] ?? ""}', not 'Success'`,
    );
  }
  const objects = response["convertedObjects"] ?? [];
  if (Array.isArray(objects)) return objects;
  throw mistyped(objects, "ConversionResponse.response.convertedObjects", "[]runtime.RawExtension");
}

function parseReview(text: string, reviewVersion: string): JsonObject {
  let review: JsonObject;
  try {
    review = requireObject(parseJson(text).value);
  } catch (error) {
    throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
  const { apiVersion = "", kind = "" } = review as { apiVersion?: string; kind?: string };
  if (kind !== "" && kind !== "ConversionReview") throw new Error(unregisteredText({ apiVersion, kind }));
  const other = reviewVersion === `${group}/v1` ? "v1beta1" : "v1";
  if (apiVersion === `${group}/${other}`) {
    const own = parseApiVersion(reviewVersion).version;
    throw new Error(`converting (${other}.ConversionReview) to (${own}.ConversionReview): unknown conversion`);
  }
  return review;
}

function mistyped(value: JsonValue, field: string, type: string): Error {
  return new Error(`json: cannot unmarshal ${jsonTypeName(value)} into Go struct field ${field} of type ${type}`);
}

interface Place {
  /** "conversion webhook for example.com/v1, Kind=Widget". */
  subject: string;
  at: number;
  several: boolean;
}

/** One converted object, when it keeps to the rules; upstream words it otherwise when there are several. */
function accepted(original: KubeObject, converted: JsonValue, apiVersion: string, place: Place): KubeObject {
  const { subject, at, several } = place;
  const invalidAt = `${subject} returned invalid ${several ? "converted object" : "object"} at index ${at}`;
  if (!isJsonObject(converted) || typeof converted["kind"] !== "string" || converted["kind"] === "") {
    const missing = `Object 'Kind' is missing in '${stringifyJson(converted)}'`;
    throw plainError(several ? `${invalidAt}: ${missing}` : missing);
  }
  const version = typeof converted["apiVersion"] === "string" ? converted["apiVersion"] : "";
  if (version !== apiVersion) {
    throw plainError(`${invalidAt}: invalid groupVersion (expected ${apiVersion}, received ${version})`);
  }
  if (converted["kind"] !== original.kind) {
    throw plainError(`${invalidAt}: invalid kind (expected ${original.kind}, received ${converted["kind"]})`);
  }
  try {
    checkIdentity(original, converted);
  } catch (error) {
    throw plainError(`${several ? invalidAt : `${subject} returned invalid object`}: ${(error as Error).message}`);
  }
  try {
    return withOriginalMetadata(original, converted);
  } catch (error) {
    const where = several ? `metadata in object at index ${at}` : "metadata";
    throw plainError(`${subject} returned invalid ${where}: ${(error as Error).message}`);
  }
}
