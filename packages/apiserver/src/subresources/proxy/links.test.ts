import { describe, expect, it } from "vitest";
import { rewriteHtml, rewriteUrl } from "./links.ts";

const context = { prefix: "/api/proxy", targetHost: "10.1.2.3:80", requestHost: "localhost:8001" };

describe("URLs", () => {
  it.each([
    ["/a/b?c=d#e", "/api/proxy/a/b?c=d#e"],
    ["/", "/api/proxy/"],
    ["relative/path", "relative/path"],
    ["?query", "?query"],
    ["http://10.1.2.3:80/x/", "/api/proxy/x/"],
    ["http://localhost:8001/x", "http://localhost:8001/api/proxy/x"],
    ["http://elsewhere/x", "http://elsewhere/x"],
    ["//elsewhere/x", "//elsewhere/x"],
    ["/api/proxy/done", "/api/proxy/done"],
    ["mailto:a@b", "mailto:a@b"],
  ])("%s", (url, expected) => {
    expect(rewriteUrl(url, context)).toBe(expected);
  });
});

describe("pages", () => {
  it.each([
    ['<a href="/x">', '<a href="/api/proxy/x">'],
    ["<IMG SRC=/x.png>", "<IMG SRC=/api/proxy/x.png>"],
    ["<form class=f action='/do?a=1&amp;b=2'>", "<form class=f action='/api/proxy/do?a=1&amp;b=2'>"],
    ['<a title="/x" data-href="/x">', '<a title="/x" data-href="/x">'],
    ['<p href="/x">', '<p href="/x">'],
    ['<!-- <a href="/x"> -->', '<!-- <a href="/x"> -->'],
    [
      '<script src="/x.js">"<a href=\'/y\'>"</script><a href="/z">',
      '<script src="/api/proxy/x.js">"<a href=\'/y\'>"</script><a href="/api/proxy/z">',
    ],
    ["a < b and c > d", "a < b and c > d"],
    ['<p don\'t><a href="/x">', '<p don\'t><a href="/api/proxy/x">'],
    ['<a href="/x"><a href="/y', '<a href="/api/proxy/x"><a href="/y'],
    ['<script>İ</SCRIPT><a href="/x">', '<script>İ</SCRIPT><a href="/api/proxy/x">'],
  ])("%s", (page, expected) => {
    expect(rewriteHtml(page, context)).toBe(expected);
  });
});
