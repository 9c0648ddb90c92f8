// Ids in paths and in the hash: whatever an id holds, it is one segment and leads nowhere else.

function segment(id) {
  return encodeURIComponent(id).replaceAll(".", "%2E");
}

// What is asked of a user or an item, as `GET /v1/users/ID/history`.
export function userPath(id, what) {
  return `/v1/users/${segment(id)}/${what}`;
}

export function itemPath(id, what = "") {
  return `/v1/items/${segment(id)}${what && `/${what}`}`;
}

// The place of a view: hashOf("person", "ann", "bob") is "#/person/ann/bob".
export function hashOf(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

// A browser takes these two for steps in a path, however they are written.
export function isReachable(id) {
  return id !== "." && id !== "..";
}
