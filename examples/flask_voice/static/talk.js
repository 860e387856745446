// Talks: the microphone to the server, the model's speech from it, and what both have said.

import { bubble, show } from "./conversation.js";

const button = document.getElementById("button");
const state = document.getElementById("state");
const meters = { you: document.getElementById("you"), model: document.getElementById("model") };

let stop = null; // ends the conversation that is going on

button.addEventListener("click", async () => {
  if (stop) return stop();
  button.disabled = true;
  try {
    await start();
  } catch (error) {
    bubble("failure", `There is no microphone: ${error.message}`);
  }
  button.disabled = false;
});

async function start() {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, channelCount: 1 } });
  const heard = await sound(16000);
  const played = await sound(24000);
  const socket = new WebSocket(`${location.origin.replace("http", "ws")}/voice`);
  socket.binaryType = "arraybuffer";
  const isOpen = () => socket.readyState === WebSocket.OPEN; // what the audio thread says before and after is void

  const ear = new AudioWorkletNode(heard, "microphone");
  ear.port.onmessage = ({ data }) => {
    if (!isOpen()) return;
    meters.you.value = data.level;
    socket.send(data.pcm);
  };
  heard.createMediaStreamSource(microphone).connect(ear).connect(heard.destination);

  const mouth = new AudioWorkletNode(played, "loudspeaker");
  mouth.port.onmessage = ({ data }) => {
    if (!isOpen()) return;
    meters.model.value = data.level;
    state.textContent = data.playing ? "The model speaks. You may cut in." : "The model listens.";
    // For whoever wants to know how much has been heard, and how loud it was.
    Object.assign(button.dataset, { playedMs: data.playedMs, loudest: data.loudest });
  };
  mouth.connect(played.destination);

  const texts = transcript();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) return mouth.port.postMessage(data, [data]);
    const message = JSON.parse(data);
    if (message.type === "transcript") texts(message);
    if (message.type === "interrupted") mouth.port.postMessage("silence");
    if (message.type === "end") mouth.port.postMessage("end");
    if (message.type === "failure") bubble("failure", message.message);
  };
  socket.onopen = () => (state.textContent = "The model listens.");
  socket.onclose = () => stop?.();
  stop = () => {
    stop = null;
    socket.close();
    microphone.getTracks().forEach((track) => track.stop());
    heard.close();
    played.close();
    meters.you.value = meters.model.value = 0;
    button.textContent = "Start talking";
    state.textContent = "The microphone is off.";
  };
  button.textContent = "Stop";
  state.textContent = "Connecting …";
}

async function sound(sampleRate) {
  const context = new AudioContext({ sampleRate });
  await context.audioWorklet.addModule(new URL("sound.js", import.meta.url));
  return context;
}

// Shows texts that grow, one bubble for each turn of each side.
function transcript() {
  const open = {};
  return ({ role, text, final }) => {
    open[role] ??= bubble(role);
    show(open[role], text);
    if (final) open[role] = null;
  };
}
