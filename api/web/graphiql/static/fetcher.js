/** How GraphiQL asks: queries and mutations by POST, subscriptions as server-sent events. */

const SEPARATOR = "\n\n";

/** A fetcher of GraphiQL for one endpoint; `documentAST` says what the operation is. */
export function createFetcher(url) {
  return async (asked, { headers = {}, documentAST } = {}) => {
    const accept = isSubscription(documentAST, asked.operationName) ? "text/event-stream" : "application/json";
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json", Accept: accept },
      body: JSON.stringify(asked),
    });
    const isStream = response.ok && accept === "text/event-stream";
    return isStream ? events(response.body) : response.json();
  };
}

function isSubscription(document, name) {
  const operations = (document?.definitions ?? []).filter((each) => each.kind === "OperationDefinition");
  const operation = operations.find((each) => !name || each.name?.value === name);
  return operation?.operation === "subscription";
}

/** The answers of a stream; its heartbeats have no data. */
async function* events(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let waiting = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      waiting += decoder.decode(value, { stream: true });
      const parts = waiting.split(SEPARATOR);
      waiting = parts.pop();
      for (const part of parts) {
        const data = part.split("\n").find((line) => line.startsWith("data: "));
        if (data) yield JSON.parse(data.slice("data: ".length));
      }
    }
  } finally {
    await reader.cancel();
  }
}
