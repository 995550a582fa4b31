import { chromium } from "@playwright/test";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--disable-gpu","--disable-quic","--no-first-run"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.on("pageerror", e=>console.log("pageerror", e.stack));
await page.goto("http://127.0.0.1:18711/?open=checkout/cart,search/,payments/chargebacks");
await page.waitForFunction(() => performance.getEntriesByName("first-picture").length > 0);
const cdp = await page.context().newCDPSession(page); await cdp.send("Performance.enable");
for (let i=0;i<7;i++){ await page.waitForTimeout(20000); await cdp.send("HeapProfiler.collectGarbage"); const m=Object.fromEntries((await cdp.send("Performance.getMetrics")).metrics.map(m=>[m.name,m.value])); console.log(i, "heap", (m.JSHeapUsedSize/1e6).toFixed(1), "nodes", m.Nodes, "listeners", m.JSEventListeners, "task", m.TaskDuration.toFixed(1), await page.locator(".counts .error strong").textContent()); }
await page.screenshot({path:"/tmp/v/soak.png"});
await browser.close();
