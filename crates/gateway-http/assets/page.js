// Starts GraphiQL with the settings that the page carries as data attributes: the page's security policy allows no
// script inside it.
(function () {
  "use strict";
  const place = document.getElementById("graphiql");
  const settings = place.dataset;
  const absolute = (path, scheme) => {
    const url = new URL(path, window.location.href);
    if (scheme) url.protocol = url.protocol.replace("http", scheme);
    return url.toString();
  };
  // Headers from the editor go into the WebSocket's first message too, since browsers cannot set them on its handshake.
  const fetcher = GraphiQL.createFetcher({
    url: absolute(settings.endpoint),
    subscriptionUrl: absolute(settings.subscriptions, "ws"),
  });
  const root = ReactDOM.createRoot(place);
  root.render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: settings.query || undefined,
      defaultHeaders: settings.headers || undefined,
      defaultEditorToolsVisibility: settings.headers ? "headers" : true,
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    }),
  );
})();
