import { compareQuantities, fieldError, isDns1123Label, isDns1123Subdomain } from "@podwright/kube";
import {
  descendingPath,
  type Errors,
  each,
  fileMode,
  invalid,
  nonReservedPath,
  optionalOneOf,
  pathWithoutBacksteps,
  required,
  requiredAnd,
} from "../field-checks.ts";
import type { Struct } from "../kind.ts";
import { persistentVolumeClaimSpec, templateMetadata } from "../persistent-volume-claim-validation.ts";
import { objectFieldSelector, resourceFieldSelector } from "./env-validation.ts";

const volumeFields = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

type Check = (errors: Errors, path: string, source: Struct) => void;

/** The kinds of volumes, in the order upstream looks for them, with what is checked of them. */
const sourceChecks: Readonly<Record<string, Check>> = {
  emptyDir(errors, path, { sizeLimit }) {
    if (sizeLimit === undefined || compareQuantities(sizeLimit, "0") >= 0) return;
    errors.push(fieldError.forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
  },
  hostPath(errors, path, source) {
    required(errors, `${path}.path`, source["path"]);
    if (!source["path"]) return;
    pathWithoutBacksteps(errors, `${path}.path`, source["path"]);
    optionalOneOf(errors, `${path}.type`, source["type"], hostPathTypes);
  },
  gitRepo(errors, path, source) {
    required(errors, `${path}.repository`, source["repository"]);
    descendingPath(errors, `${path}.directory`, source["directory"] ?? "");
  },
  gcePersistentDisk: (errors, path, source) => required(errors, `${path}.pdName`, source["pdName"]),
  awsElasticBlockStore: (errors, path, source) => required(errors, `${path}.volumeID`, source["volumeID"]),
  secret(errors, path, source) {
    required(errors, `${path}.secretName`, source["secretName"]);
    fileMode(errors, `${path}.defaultMode`, source["defaultMode"]);
    each(source["items"], `${path}.items`, (item: Struct, at) => keyToPath(errors, at, item));
  },
  nfs(errors, path, source) {
    required(errors, `${path}.server`, source["server"]);
    required(errors, `${path}.path`, source["path"]);
    if (!source["path"]?.startsWith("/")) {
      errors.push(fieldError.invalid(`${path}.path`, source["path"] ?? "", "must be an absolute path"));
    }
  },
  iscsi(errors, path, source) {
    for (const field of ["targetPortal", "iqn"]) required(errors, `${path}.${field}`, source[field]);
    const lun = source["lun"] ?? 0;
    if (lun < 0 || lun > 255) {
      errors.push(fieldError.invalid(`${path}.lun`, lun, "must be between 0 and 255, inclusive"));
    }
  },
  glusterfs(errors, path, source) {
    required(errors, `${path}.endpoints`, source["endpoints"]);
    required(errors, `${path}.path`, source["path"]);
  },
  flocker() {},
  persistentVolumeClaim: (errors, path, source) => required(errors, `${path}.claimName`, source["claimName"]),
  rbd(errors, path, source) {
    if (!source["monitors"]?.length) errors.push(fieldError.required(`${path}.monitors`));
    required(errors, `${path}.image`, source["image"]);
  },
  cinder: (errors, path, source) => required(errors, `${path}.volumeID`, source["volumeID"]),
  cephfs(errors, path, source) {
    if (!source["monitors"]?.length) errors.push(fieldError.required(`${path}.monitors`));
  },
  quobyte() {},
  downwardAPI(errors, path, source) {
    fileMode(errors, `${path}.defaultMode`, source["defaultMode"]);
    for (const file of source["items"] ?? []) downwardFile(errors, path, file);
  },
  fc() {},
  flexVolume: (errors, path, source) => required(errors, `${path}.driver`, source["driver"]),
  configMap(errors, path, source) {
    required(errors, `${path}.name`, source["name"]);
    fileMode(errors, `${path}.defaultMode`, source["defaultMode"]);
    each(source["items"], `${path}.items`, (item: Struct, at) => keyToPath(errors, at, item));
  },
  azureFile(errors, path, source) {
    required(errors, `${path}.secretName`, source["secretName"]);
    required(errors, `${path}.shareName`, source["shareName"]);
  },
  vsphereVolume: (errors, path, source) => required(errors, `${path}.volumePath`, source["volumePath"]),
  photonPersistentDisk: (errors, path, source) => required(errors, `${path}.pdID`, source["pdID"]),
  portworxVolume: (errors, path, source) => required(errors, `${path}.volumeID`, source["volumeID"]),
  azureDisk(errors, path, source) {
    required(errors, `${path}.diskName`, source["diskName"]);
    required(errors, `${path}.diskURI`, source["diskURI"]);
  },
  storageos() {},
  projected,
  scaleIO(errors, path, source) {
    for (const field of ["gateway", "system", "volumeName"]) required(errors, `${path}.${field}`, source[field]);
  },
  csi(errors, path, source) {
    csiDriverName(errors, `${path}.driver`, source["driver"]);
    const secret = source["nodePublishSecretRef"];
    if (secret === undefined) return;
    if (!secret.name) errors.push(fieldError.required(`${path}.nodePublishSecretRef.name`));
    else invalid(errors, `${path}.name`, secret.name, isDns1123Subdomain(secret.name));
  },
  ephemeral(errors, path, source) {
    const template: Struct | undefined = source["volumeClaimTemplate"];
    if (template === undefined) {
      errors.push(fieldError.required(`${path}.volumeClaimTemplate`));
      return;
    }
    templateMetadata(errors, `${path}.volumeClaimTemplate.metadata`, template["metadata"]);
    persistentVolumeClaimSpec(errors, `${path}.volumeClaimTemplate.spec`, template["spec"] ?? {});
  },
  image: imageVolume,
};

/**
 * Checks a pod's volumes and gives the valid ones by name.
 * @param podName of a pod, not of a template: its claims for ephemeral volumes are named after it.
 */
export function volumes(
  errors: Errors,
  path: string,
  list: Struct[] | undefined,
  podName: string | undefined,
): Map<string, Struct> {
  const valid = new Map<string, Struct>();
  const ownClaims = new Set<string>();
  for (const volume of list ?? [])
    if (podName && volume["ephemeral"] !== undefined) ownClaims.add(`${podName}-${volume["name"]}`);
  each(list, path, (volume, at) => {
    const before = errors.length;
    const name: string = volume["name"] ?? "";
    volumeSource(errors, at, volume);
    if (podName && name !== "" && volume["ephemeral"] !== undefined) {
      const claim = `${podName}-${name}`;
      const messages = isDns1123Subdomain(claim).map((message) => `PVC name "${claim}": ${message}`);
      invalid(errors, `${at}.name`, name, messages);
    }
    requiredAnd(errors, `${at}.name`, name, isDns1123Label);
    if (valid.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    if (errors.length === before) valid.set(name, volume);
    const claimName = volume["persistentVolumeClaim"]?.claimName;
    if (claimName !== undefined && ownClaims.has(claimName)) {
      const detail = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(fieldError.invalid(`${at}.persistentVolumeClaim.claimName`, claimName, detail));
    }
  });
  return valid;
}

function volumeSource(errors: Errors, path: string, volume: Struct): void {
  let found = 0;
  for (const kind of Object.keys(sourceChecks)) {
    const source = volume[kind];
    if (source === undefined) continue;
    if (found++ > 0) errors.push(fieldError.forbidden(`${path}.${kind}`, "may not specify more than 1 volume type"));
    else sourceChecks[kind]?.(errors, `${path}.${kind}`, source);
  }
  if (found === 0) errors.push(fieldError.required(path, "must specify a volume type"));
}

function imageVolume(errors: Errors, path: string, source: Struct): void {
  required(errors, `${path}.reference`, source["reference"]);
  optionalOneOf(errors, `${path}.pullPolicy`, source["pullPolicy"], ["Always", "IfNotPresent", "Never"]);
}

function csiDriverName(errors: Errors, path: string, driver: string | undefined): void {
  if (!driver) {
    errors.push(fieldError.required(path));
    return;
  }
  if (driver.length > 63) errors.push(fieldError.tooLong(path, 63));
  invalid(errors, path, driver, isDns1123Subdomain(driver.toLowerCase()));
}

function keyToPath(errors: Errors, path: string, item: Struct): void {
  required(errors, `${path}.key`, item["key"]);
  required(errors, `${path}.path`, item["path"]);
  nonReservedPath(errors, `${path}.path`, item["path"] ?? "");
  fileMode(errors, `${path}.mode`, item["mode"]);
}

function downwardFile(errors: Errors, path: string, file: Struct): void {
  required(errors, `${path}.path`, file["path"]);
  nonReservedPath(errors, `${path}.path`, file["path"] ?? "");
  if (file["fieldRef"] !== undefined) {
    objectFieldSelector(errors, `${path}.fieldRef`, file["fieldRef"], volumeFields);
    if (file["resourceFieldRef"] !== undefined) {
      const detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
      errors.push(fieldError.invalid(path, "resource", detail));
    }
  } else if (file["resourceFieldRef"] !== undefined) {
    resourceFieldSelector(errors, `${path}.resourceFieldRef`, file["resourceFieldRef"], true);
  } else {
    errors.push(fieldError.required(path, "one of fieldRef and resourceFieldRef is required"));
  }
  fileMode(errors, `${path}.mode`, file["mode"]);
}

function projected(errors: Errors, path: string, volume: Struct): void {
  fileMode(errors, `${path}.defaultMode`, volume["defaultMode"]);
  const paths = new Set<string>();
  const claimPath = (file: string | undefined, shown: string) => {
    if (!file) return;
    if (paths.has(file)) errors.push(fieldError.invalid(path, shown, "conflicting duplicate paths"));
    paths.add(file);
  };
  each(volume["sources"], `${path}.sources`, (source: Struct, at) => {
    for (const kind of ["secret", "configMap"]) {
      const { name = "", items } = source[kind] ?? {};
      if (source[kind] === undefined) continue;
      required(errors, `${at}.${kind}.name`, name);
      each(items, `${at}.${kind}.items`, (item: Struct, itemPath) => {
        keyToPath(errors, itemPath, item);
        claimPath(item["path"], name);
      });
    }
    for (const file of source["downwardAPI"]?.items ?? []) {
      downwardFile(errors, `${at}.downwardAPI`, file);
      claimPath(file.path, file.path);
    }
    if (source["serviceAccountToken"] !== undefined) token(errors, path, at, source["serviceAccountToken"]);
    if (source["clusterTrustBundle"] !== undefined) {
      const bundle = source["clusterTrustBundle"];
      required(errors, `${at}.clusterTrustBundle.path`, bundle.path);
      claimPath(bundle.path, bundle.path);
    }
    if (Object.keys(source).length > 1) {
      errors.push(fieldError.forbidden(at, "may not specify more than 1 volume type per source"));
    }
  });
}

function token(
  errors: Errors,
  volumePath: string,
  path: string,
  { expirationSeconds = 0, path: file = "" }: Struct,
): void {
  const at = `${path}.serviceAccountToken.expirationSeconds`;
  if (expirationSeconds < 600) {
    errors.push(fieldError.invalid(at, expirationSeconds, "may not specify a duration less than 10 minutes"));
  }
  if (expirationSeconds > 2 ** 32) {
    errors.push(fieldError.invalid(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
  }
  if (file === "") errors.push(fieldError.required(`${volumePath}.path`));
  else nonReservedPath(errors, `${volumePath}.path`, file);
}
