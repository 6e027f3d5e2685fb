import { expect, it } from "vitest";
import { createEnvironment } from "./environment.ts";
import { checkedType, programOf } from "./program.ts";

const environment = createEnvironment();

// Examples of the libraries' own documentation (k8s.io/apiserver/pkg/cel/library, cel-go/ext).
it.each([
  "quantity('200M') == quantity('0.2G')",
  "quantity('150Mi').isGreaterThan(quantity('100Mi'))",
  "quantity('50k').add(20).sub(quantity('100k')).sub(-50000) == quantity('20')",
  "quantity('50k').asInteger() == 50000 && !quantity('9999999999999999999999999999999999999G').isInteger()",
  "isQuantity('1.3Gi') && !isQuantity('200K') && sign(quantity('-1')) == -1",
  "ip('::1').family() == 6 && ip('127.0.0.1').isLoopback() && !isIP('127.0.0.256')",
  "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
  "ip('224.0.0.1').isLinkLocalMulticast() && !ip('224.0.1.1').isLinkLocalMulticast()",
  "ip('2001:db8::abcd').isGlobalUnicast() && !ip('ff00::1').isGlobalUnicast()",
  "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))",
  "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && cidr('::1/128').prefixLength() == 128",
  "cidr('192.168.0.1/24').masked() == cidr('192.168.0.0/24') && !isCIDR('192.168.0.0/33')",
  "url('https://example.com:80/').getHost() == 'example.com:80' && url('https://example.com:80/').getPort() == '80'",
  "url('https://[::1]:80/').getHostname() == '::1' && url('/path').getHost() == ''",
  "url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/'",
  "url('https://example.com/path?k1=a&k2=b&k2=c').getQuery()['k2'] == ['b', 'c'] && !isURL('../relative-path')",
  "sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 2], [2, 1, 1]) && !sets.intersects([1], [2])",
  "'%s has %s'.format(['a', 'b']) == 'a has b' && '%d%%'.format([5]) == '5%' && '%x'.format([255]) == 'ff'",
])("%s", (expression) => {
  expect(checkedType(environment, expression)).toBe("bool");
  expect(programOf(environment, expression).evaluate({})).toBe(true);
});

it.each([
  ["quantity('1')  > 1", "found no matching overload for '_>_'"],
  ["nothing('1')", "undeclared reference to 'nothing' (in container '')"],
  ["quantity(1)", "found no matching overload for 'quantity' applied to '(int)'"],
])("%s is none", (expression, problem) => {
  expect(() => checkedType(environment, expression)).toThrow(problem);
});
