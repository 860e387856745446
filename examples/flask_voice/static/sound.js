// On the browser's audio thread: samples from the microphone, and samples to the loudspeaker. PCM is 16-bit.

const BLOCK = 0.04; // seconds of the microphone in a message
const CUSHION = 0.12; // seconds of speech that are collected before they are played, against an uneven network

const level = (samples) => Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

class Microphone extends AudioWorkletProcessor {
  block = new Float32Array(sampleRate * BLOCK);
  filled = 0;

  process([[samples]]) {
    for (const sample of samples ?? []) {
      this.block[this.filled++] = sample;
      if (this.filled === this.block.length) this.send();
    }
    return true;
  }

  send() {
    const pcm = Int16Array.from(this.block, (sample) => Math.max(-1, Math.min(1, sample)) * 32767).buffer;
    this.port.postMessage({ pcm, level: level(this.block) }, [pcm]);
    this.filled = 0;
  }
}

class Loudspeaker extends AudioWorkletProcessor {
  waiting = []; // Int16Arrays
  used = 0; // samples of the first of them that have been played
  size = 0; // samples that wait
  playing = false;
  played = 0;
  loudest = 0;
  blocks = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.take(data);
  }

  take(data) {
    if (data instanceof ArrayBuffer) {
      this.waiting.push(new Int16Array(data));
      this.size += data.byteLength / 2;
    } else if (data === "silence") {
      this.waiting = [];
      this.used = this.size = 0;
    }
    if (data === "end" || this.size >= CUSHION * sampleRate) this.playing = true;
  }

  process(_, [[out]]) {
    const count = this.playing ? Math.min(out.length, this.size) : 0;
    for (let index = 0; index < count; index++) out[index] = this.next();
    this.playing = this.playing && this.size > 0;
    this.played += count;
    this.tell(level(out));
    return true;
  }

  next() {
    const sample = this.waiting[0][this.used++] / 32768;
    if (this.used === this.waiting[0].length) {
      this.waiting.shift();
      this.used = 0;
    }
    this.size--;
    return sample;
  }

  tell(loudness) {
    this.loudest = Math.max(this.loudest, loudness);
    if (++this.blocks % 10) return; // some twenty times a second
    const playedMs = Math.round((1000 * this.played) / sampleRate);
    this.port.postMessage({ level: loudness, playing: this.playing, playedMs, loudest: this.loudest });
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("loudspeaker", Loudspeaker);
