export type Certificate = { key: string; cert: string };

/**
 * A self-signed certificate for `localhost` and the loopback addresses, PEM. It is its own authority: a client that
 * gets `cert` as `ca`, or as the file in NODE_EXTRA_CA_CERTS, trusts a server that shows it. Of several such authorities each
 * needs a name of its own.
 */
export async function makeCertificate(name = 'localhost'): Promise<Certificate> {
  // Only who wants TLS needs it: `dev` runs without, and a package has none.
  const { generate } = await import('selfsigned');
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      // OpenSSL takes a certificate as a trust anchor and as the server's own only with both of these.
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  return { key, cert };
}
