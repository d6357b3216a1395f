"""How the page looks and moves: its style sheet and its script, both inlined."""

STYLE = """
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2128;--quiet:#626b76;--line:#e3e6ea;
--accent:#b26a00;--c0:#1d5fbf;--c1:#8a8f98;--c2:#2f8f5b;--c3:#b0522d;--unseen:#dde1e6}
@media(prefers-color-scheme:dark){:root{--paper:#12161b;--card:#1a2027;--ink:#e6e9ed;--quiet:#98a2ae;--line:#2c343d;
--accent:#ffb000;--c0:#6aa9ff;--c1:#9aa3ae;--c2:#5cc98d;--c3:#f0936a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1400px;margin:0 auto;padding:28px 28px 56px}
h1{font-size:30px;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:18px;margin:40px 0 10px}
p{margin:.3em 0}.sub,.note,figcaption span,td.q,th{color:var(--quiet)}
.sub{overflow-wrap:anywhere;margin-bottom:20px}
figure{margin:0;min-width:0}
figcaption{font-size:14px;font-weight:600;margin-bottom:6px;
display:flex;gap:4px 10px;flex-wrap:wrap;align-items:baseline}
figcaption span{font-weight:400}
.scene{position:relative;border-radius:6px;overflow:hidden;background:var(--unseen)}
.scene img{display:block;width:100%;height:100%;object-fit:fill}
.scene svg{position:absolute;inset:0;width:100%;height:100%}
.box{fill:none;stroke:#ffb000;stroke-width:2;vector-effect:non-scaling-stroke}
.rim{fill:none;stroke:#141414;stroke-width:4;vector-effect:non-scaling-stroke}
.look{display:none}.look.on{display:inline}.look.last .box{stroke-width:3.5}.look.last .rim{stroke-width:6}
.reach{fill:none;stroke:#ffb000;stroke-width:1;vector-effect:non-scaling-stroke;display:none}
.look.last .reach{display:inline}
.bars{display:block;width:100%;max-width:460px;border-radius:6px}
.tag{position:absolute;background:#ffb000;color:#141414;font:700 11px/15px system-ui,sans-serif;
padding:0 4px;display:none}
.tag.on{display:block}
.hero{display:grid;grid-template-columns:minmax(150px,200px) 1fr 1fr;gap:18px;align-items:start}
.glimpses{display:grid;grid-template-columns:repeat(auto-fill,minmax(44px,1fr));gap:4px}
.glimpses button{position:relative;border:0;padding:0;margin:0;border-radius:3px;overflow:hidden;cursor:pointer;
background:var(--unseen);opacity:.22;aspect-ratio:1}
.glimpses button.on{opacity:1}.glimpses button.last{outline:3px solid #ffb000;outline-offset:-1px}
.glimpses img,.saw{display:block;width:100%;aspect-ratio:1;image-rendering:pixelated}
.saw{border-radius:6px;margin-bottom:10px}
.scrub{display:flex;gap:12px;align-items:center;margin:20px 0 26px;padding:10px 14px;background:var(--card);
border:1px solid var(--line);border-radius:8px}
.scrub button{font:inherit;font-weight:600;color:inherit;background:none;border:1px solid var(--line);border-radius:6px;
padding:5px 12px;cursor:pointer;min-width:68px}
.scrub button:hover{border-color:var(--quiet)}
.scrub input{flex:1;min-width:0;accent-color:var(--accent)}
.scrub output{min-width:9.5em;text-align:right}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr));gap:18px;align-items:start}
@media(min-width:760px){.row.four{grid-template-columns:1fr 1fr}}
.ramp{display:inline-block;width:84px;height:9px;border-radius:2px;
background:linear-gradient(90deg,#000004,#51127c,#b73779,#fc8961,#fcfdbf)}
.chart{width:100%;height:auto;display:block}.chart text{fill:var(--quiet);font-size:12px}
.chart .rule{stroke:var(--line)}#now{stroke:#ffb000;stroke-width:2}
polyline,.key line{fill:none;stroke-width:2}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}
polyline.c0{stroke-width:3}circle{fill:var(--card);stroke-width:2}
.legend{list-style:none;margin:6px 0 0;padding:0;font-size:14px}
.legend li{display:grid;grid-template-columns:34px 1fr auto;gap:10px;align-items:center}.key{width:34px;height:10px}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,290px),1fr));gap:16px}
.strip .pair{display:grid;grid-template-columns:30% 1fr;gap:6px;align-items:center}
.strip.classes{grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr))}
.strip.classes .pair{grid-template-columns:18% 1fr 1fr}
.names{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0 0;padding:0;font-size:14px}
.names i{display:inline-block;width:12px;height:12px;margin-right:6px;border:1px solid var(--line);border-radius:2px}
.strip .pair img{display:block;width:100%;border-radius:4px}.strip .pair img:first-child{image-rendering:pixelated}
.table{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:right;padding:5px 14px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}th{font-weight:500}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 18px;margin:0;font-size:14px}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:1000px){.hero{grid-template-columns:170px 1fr}.hero .truth{grid-column:2}.hero .taken{grid-row:span 2}}
@media(max-width:640px){main{padding:18px 16px 40px}h1{font-size:24px}.hero{grid-template-columns:1fr}
.hero .truth{grid-column:1}.hero .taken{order:3;grid-row:auto}.taken .saw{width:40%}.scrub{flex-wrap:wrap;gap:8px 12px}
.scrub input{order:3;flex-basis:100%}.scrub output{flex:1;min-width:0}}
"""

SCRIPT = """
(function(){
const data=JSON.parse(document.getElementById("steps").textContent);
const all=s=>Array.from(document.querySelectorAll(s)),one=s=>document.querySelector(s);
const range=one("#step"),out=one("#said"),play=one("#play"),now=one("#now");let timer=null;
function show(k){
 for(const name of ["imagined","seen","truth","uncertainty","classes","attention","bars","saw"]){
  const img=one("#"+name),held=one("[data-"+name+'="'+data[k].step+'"]');
  if(img&&held)img.src=held.src;else if(img&&data[k][name])img.src=data[k][name];}
 for(const el of all("[data-step]")){const step=+el.dataset.step;
  el.classList.toggle("on",step>=data[k].start&&step<=data[k].step);el.classList.toggle("last",step===data[k].step);}
 out.textContent=data[k].said;range.value=k;
 if(now){const a=+now.dataset.left,b=+now.dataset.right,n=+now.dataset.steps;
  const x=n>1?a+(b-a)*data[k].step/(n-1):a;now.setAttribute("x1",x);now.setAttribute("x2",x);}
}
function stop(){clearInterval(timer);timer=null;play.textContent="Play";}
play.addEventListener("click",()=>{if(timer){stop();return;}
 if(+range.value===data.length-1)show(0);play.textContent="Pause";
 timer=setInterval(()=>{if(+range.value>=data.length-1){stop();return;}show(+range.value+1);},900);});
range.addEventListener("input",()=>{if(timer)stop();show(+range.value);});
for(const el of all(".glimpses button"))el.addEventListener("click",()=>{if(timer)stop();
 const step=+el.dataset.step;show(data.findIndex(d=>d.step===step));});
show(data.length-1);
})();
"""
