// Firefox, driven by WebDriver BiDi, as the story finds it: a profile of its own, files that are saved without a question, and an
// eye on what goes wrong in the page and on every other host that is asked.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import puppeteer, { type Browser, type Page } from "puppeteer-core";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);
const SCREEN = { width: 1440, height: 900 };

/** Takes what would go to another host, answers nobody, and remembers who was asked. */
async function wall(): Promise<{ port: number; asked: string[]; close(): void }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(502).end();
  });
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    socket.end("HTTP/1.1 502 No way out\r\n\r\n");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { port: (server.address() as AddressInfo).port, asked, close: () => server.close() };
}

export interface Firefox {
  page: Page;
  browser: Browser;
  /** What went wrong so far: errors in the page, on its console, requests to another host. */
  trouble: string[];
  close(): Promise<void>;
}

/** Start Firefox with one empty page; `downloads` is the folder that files are saved in. */
export async function start(program: string, downloads: string): Promise<Firefox> {
  const way = await wall();
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: program,
    defaultViewport: SCREEN,
    env: { ...process.env, MOZ_REMOTE_SETTINGS_DEVTOOLS: "1" }, // it need not ask its maker for settings
    extraPrefsFirefox: {
      "browser.download.folderList": 2,
      "browser.download.dir": downloads,
      "network.proxy.type": 1,
      "network.proxy.http": "127.0.0.1",
      "network.proxy.http_port": way.port,
      "network.proxy.ssl": "127.0.0.1",
      "network.proxy.ssl_port": way.port,
      "services.settings.server": "data:,#remote-settings-dummy/v1",
      "ui.systemUsesDarkTheme": 0,
    },
  });
  const page = await browser.newPage();
  const trouble: string[] = way.asked;
  page.on("pageerror", (error) => trouble.push(`error in the page: ${error}`));
  page.on("console", (message) => {
    if (message.type() === "error") trouble.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (/^(http|ws)s?:$/.test(protocol) && !LOCAL.has(hostname)) trouble.push(`request to ${request.url()}`);
  });
  return {
    page,
    browser,
    trouble,
    async close() {
      await browser.close();
      way.close();
    },
  };
}
