import { describe, expect, test } from 'vitest';
import { createPublicLookup, isOwnAddress, isPublicAddress, refuseUrl } from '../../../src/tools/public-address.ts';

function refuse(url: string): string | null {
  // A URL that the parser rejects cannot be fetched either.
  return URL.canParse(url) ? refuseUrl(new URL(url), isPublicAddress) : 'not a URL';
}

describe('addresses that are not public', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['unspecified', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['private', '10.0.0.1'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.1.1'],
    ['link-local: cloud metadata', '169.254.169.254'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT: cloud metadata', '100.100.100.200'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['reserved: cloud metadata', '192.0.0.192'],
    ['benchmarking', '198.18.0.1'],
    ['documentation', '203.0.113.7'],
    ['broadcast', '255.255.255.255'],
    ['host agent', '168.63.129.16'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['public with a zone', '2606:4700::1111%eth0'],
    ['site-local', 'fec0::1'],
    ['unique-local', 'fc00::1'],
    ['unique-local: cloud metadata', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['discard', '100::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['unassigned', '4000::1'],
    ['IPv4-mapped', '::ffff:127.0.0.1'],
    ['IPv4-mapped of a public address', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64, local', '64:ff9b:1::7f00:1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['ISATAP', '2606:4700::5efe:10.0.0.1'],
    ['ISATAP', '2606:4700::200:5efe:10.0.0.1'],
    ['octal', '0177.0.0.1'],
    ['octal of a public address', '010.8.8.8'],
    ['short', '127.1'],
    ['a name', 'example.com'],
    ['nothing', ''],
  ])('B62: %s: %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '2606:4700:4700::1111',
    '2a00::1',
  ])('B62: %s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

test('B62: addresses of the machine itself are recognized in any notation', () => {
  const entry = { netmask: '', mac: '', internal: false, cidr: null };
  const interfaces = {
    eth0: [
      { ...entry, family: 'IPv4' as const, address: '1.2.3.4' },
      { ...entry, family: 'IPv6' as const, address: '2a00:0:0::1', scopeid: 0 },
    ],
    none: undefined,
  };
  const owned = ['1.2.3.4', '2a00::1', '2A00:0000::0001', '1.2.3.5', '2a00::2'].filter((address) =>
    isOwnAddress(address, interfaces),
  );
  expect(owned).toEqual(['1.2.3.4', '2a00::1', '2A00:0000::0001']);
  expect(isOwnAddress('127.0.0.1')).toBe(true);
});

describe('URLs', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.0.0.1:8080/',
    'http://127.0.0.1./',
    'http://127.1/',
    'http://0x7f.1/',
    'http://0X7F000001/',
    'http://0177.0.0.0x1/',
    'http://017700000001/',
    'http://2130706433/',
    'http://0/',
    'http://0x/',
    'http://0.0.0.0/',
    'http://192.168.257/',
    'http://169.254.169.254/latest/meta-data/',
    'http://169.254.43518/',
    'http://0xa9fea9fe/',
    'http://100.64.0.1/',
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://2002:7f00:1::/',
    'http://[fe80::1]/',
    'http://[fe80::1%25eth0]/',
    'http://[fd00:ec2::254]/',
    'http://127。0。0。1/',
    'http://１２７.０.０.１/',
    'http://①②⑦.⓪.⓪.①/',
    'http://%31%32%37.0.0.1/',
    'http://127.0.0.1%00.example.com/',
    'http://example.com@127.0.0.1/',
    'http://127.0.0.1\\@example.com/',
    'http:127.0.0.1',
    'http://localhost/',
    'http://localhost./',
    'http://localhost../',
    'http://LOCALHOST/',
    'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
    'http://loc\u00adalhost/',
    'http://foo.localhost/',
    'http://foo.localhost./',
    'http://localhost.localdomain/',
    'http://printer.local/',
    'http://metadata.google.internal/',
    'http://router.home.arpa/',
    'http://internal/',
  ])('B62: %s is refused', (url) => {
    expect(refuse(url)).toEqual(expect.any(String));
  });

  test.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'data:text/plain,hello',
    'ws://example.com/',
    'gopher://a.org',
  ])('B62: %s is refused for its scheme', (url) => {
    expect(refuse(url)).toContain('Only http and https');
  });

  test('B62: credentials in the URL are refused', () => {
    expect(refuse('https://ada:secret@example.com/')).toContain('user name or a password');
    expect(refuse('https://ada@example.com/')).toContain('user name or a password');
  });

  test.each([
    'https://example.com/',
    'http://example.com:8080/path?query#fragment',
    'http://EXAMPLE.com./',
    'http://1.1.1.1/',
    'http://[2606:4700:4700::1111]/',
    'http://localhost.example.com/',
    'http://notlocalhost/',
    'http://internal.example.com/',
    'http://127.0.0.1.example.com/',
    'https://bücher.example/',
  ])('B62: %s is allowed', (url) => {
    expect(refuse(url)).toBeNull();
  });
});

describe('lookups', () => {
  const signal = new AbortController().signal;

  function lookUp(addresses: string[], all: boolean, abortSignal = signal): Promise<unknown[]> {
    const lookup = createPublicLookup(async () => addresses, isPublicAddress, abortSignal);
    return new Promise((resolve) => lookup('name.example', { all }, (...result) => resolve(result)));
  }

  test('B62: public addresses are returned, in both forms', async () => {
    const addresses = ['1.1.1.1', '2606:4700::1'];
    const listed = [
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ];
    expect(await lookUp(addresses, true)).toEqual([null, listed]);
    expect(await lookUp(addresses, false)).toEqual([null, '1.1.1.1', 4]);
  });

  test.each([
    [['10.0.0.1']],
    [['1.1.1.1', '127.0.0.1']],
    [['1.1.1.1', '::ffff:127.0.0.1']],
    [['1.1.1.1', 'fe80::1%1']],
  ])('B62: %j is refused as a whole, and the error names no address', async (addresses) => {
    const [error] = await lookUp(addresses, true);
    expect(String(error)).toBe(
      'Error: "name.example" resolves to an address that is not public; it cannot be fetched.',
    );
  });

  test('B62: no address, and an address after the end of the call, are errors', async () => {
    expect(String((await lookUp([], true))[0])).toContain('no address');
    expect((await lookUp(['1.1.1.1'], true, AbortSignal.abort('over')))[0]).toBe('over');
  });
});
