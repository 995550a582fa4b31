import { chromium } from "@playwright/test";
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox","--disable-gpu","--disable-quic","--no-first-run"] });
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
await page.addInitScript(() => { window.__long=[]; new PerformanceObserver(l=>{for(const e of l.getEntries()) window.__long.push(Math.round(e.duration));}).observe({type:"longtask",buffered:true}); });
for (const q of ["", "?open=payments/,payments/fees"]) {
await page.goto("http://127.0.0.1:18711/"+q);
await page.waitForFunction(() => performance.getEntriesByName("first-picture").length > 0);
await page.waitForTimeout(1500);
await page.evaluate(()=>{window.__long.length=0; window.__f=[]; let l=performance.now(); const f=()=>{const t=performance.now(); window.__f.push(t-l); l=t; requestAnimationFrame(f)}; requestAnimationFrame(f);});
await page.mouse.move(800,700); await page.mouse.down();
for(let i=0;i<60;i++){await page.mouse.move(800-i*4,700-i*3); await page.waitForTimeout(16);} await page.mouse.up();
for(let i=0;i<20;i++){await page.mouse.wheel(0,i<10?-60:60); await page.waitForTimeout(30);}
console.log(q, await page.evaluate(()=>{const f=window.__f.sort((a,b)=>a-b);return {frames:f.length, median:Math.round(f[f.length>>1]), p95:Math.round(f[Math.floor(f.length*.95)]), max:Math.round(f.at(-1)), long:window.__long}}));
}
await browser.close();
