// Reports of custom resources reach their stack, although their authors only know of HTTPS at port 443.
//
// AWS's `cfn-response` and CDK's provider framework take the host and the path of a ResponseURL, never its scheme or
// port. The path is enough to know such a request; it goes to the server that the function's own calls go to.

import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";

const REPORTS = "/_ballroom/cloudformation/";

export function redirectReports(endpoint) {
  if (!endpoint || !URL.canParse(endpoint)) return;
  const { protocol, hostname, port } = new URL(endpoint);
  const place = { protocol, hostname, host: hostname, port: port || (protocol === "https:" ? 443 : 80) };
  const target = protocol === "https:" ? https.request : http.request;
  const original = https.request;
  https.request = function request(first, ...rest) {
    const options = first !== null && typeof first === "object" && !(first instanceof URL) ? first : null;
    if (options && String(options.path).startsWith(REPORTS) && Number(options.port ?? 443) === 443) {
      return target.call(this, { ...options, ...place, agent: undefined }, ...rest);
    }
    return original.call(this, first, ...rest);
  };
  syncBuiltinESMExports();
}
