// The API of the server that this page comes from.

const TOKEN = "penchant-token";
const PAUSE = 2_000; // milliseconds before a stream that ended is asked for again

// What an answer that is no good says (RFC 9457).
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail ?? told.title ?? `HTTP ${status}`);
    this.status = status;
    this.title = told.title ?? `HTTP ${status}`;
    this.detail = told.detail;
    this.remedy = told.remedy;
  }
}

function address(path, query = {}) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) if (one !== undefined && one !== null) given.append(name, one);
  const asked = given.toString();
  return asked ? `${path}?${asked}` : path;
}

// Return the API; `refused` is called where a token is wanted, or this one has no right.
export function makeApi(refused) {
  let token = sessionStorage.getItem(TOKEN) ?? "";

  async function ask(path, options) {
    const headers = { accept: "application/json", ...options.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, { title: "no answer", detail: error.message });
    }
    if (answer.ok) return answer;
    const told = await answer.json().catch(() => ({}));
    if (answer.status === 401 || answer.status === 403) refused(answer.status);
    throw new Problem(answer.status, told);
  }

  // Follow `/v1/stream` until `signal` ends it: each list goes to `onList`.
  async function follow(query, onList, signal) {
    let after = null;
    while (!signal.aborted) {
      try {
        const headers = { accept: "text/event-stream" };
        if (after !== null) headers["last-event-id"] = after;
        const answer = await ask(address("/v1/stream", query), { headers, signal });
        for await (const event of events(answer.body)) {
          if (event.id) after = event.id;
          if (event.event === "list") onList(JSON.parse(event.data));
        }
      } catch (error) {
        if (signal.aborted || [400, 401, 403, 404, 501].includes(error.status)) return;
      }
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  return {
    async get(path, query) {
      return (await ask(address(path, query), {})).json();
    },
    async send(method, path, body, query) {
      const options = { method };
      if (body !== undefined && body !== null) {
        options.body = JSON.stringify(body);
        options.headers = { "content-type": "application/json" };
      }
      return (await ask(address(path, query), options)).json();
    },
    // Server-sent events, read by fetch so that a token can go with them. Returns how to stop.
    stream(query, onList) {
      const control = new AbortController();
      follow(query, onList, control.signal);
      return () => control.abort();
    },
    use(given) {
      token = given;
      if (given) sessionStorage.setItem(TOKEN, given);
      else sessionStorage.removeItem(TOKEN);
    },
  };
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const event = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(":");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).trimStart();
      }
      yield event;
    }
  }
}
