// A fetch that keeps what went over the wire: method, Accept, status and media type of each request.
export const requests = [];

export const fetch = async (url, options) => {
  const response = await globalThis.fetch(url, options);
  requests.push({
    method: options?.method ?? 'GET',
    accept: new Headers(options?.headers).get('accept'),
    status: response.status,
    type: response.headers.get('content-type')?.split(';')[0],
  });
  return response;
};
