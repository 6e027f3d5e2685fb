import { type Authenticator, withAuthenticatedGroup } from "./authenticator.ts";

/** The certificate's common name is the user, its organizations are the groups. TLS has checked who signed it. */
export function clientCertificateAuthenticator(): Authenticator {
  return {
    authenticate({ clientCertificate }) {
      if (clientCertificate === undefined || clientCertificate === "invalid") return undefined;
      const { commonName, organizations } = clientCertificate;
      if (commonName === "") return undefined;
      return withAuthenticatedGroup({ username: commonName, groups: organizations });
    },
  };
}
