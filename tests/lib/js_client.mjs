// Somebody on Matrix whose client is matrix-js-sdk: js_client.mjs SDK HOMESERVER USER PASSWORD [encrypts]
// Requests are lines of JSON on stdin, {"do": NAME, "of": {...}}, answered in order by {"answer": ...} or {"error": TEXT}; the end of stdin is its end.
import { createInterface } from "node:readline";

const [folder, baseUrl, user, password, encrypts] = process.argv.slice(2);

// The SDK's log goes to the console: what it warns of is kept for complaints(), the rest is nobody's.
const complaints = [];
const told = part => part instanceof Error ? part.stack : typeof part === "string" ? part : JSON.stringify(part);
const complain = (...parts) => complaints.push(parts.map(told).join(" "));
Object.assign(console, { trace() {}, debug() {}, log() {}, info() {}, warn: complain, error: complain });

const sdk = await import(`${folder}/lib/index.js`);
const login = await sdk.createClient({ baseUrl }).loginRequest({ type: "m.login.password", identifier: { type: "m.id.user", user }, password });
const client = sdk.createClient({ baseUrl, accessToken: login.access_token, userId: login.user_id, deviceId: login.device_id });

// How each event that came would ring here, by the account's push rules as the SDK applies them.
const heard = [];
client.on(sdk.ClientEvent.Event, event => {
	const actions = client.getPushActionsForEvent(event);
	heard.push({ id: event.getId(), room: event.getRoomId(), sender: event.getSender(), type: event.getWireType(), text: event.getOriginalContent().body,
		rings: Boolean(actions?.notify), highlight: Boolean(actions?.tweaks?.highlight), sound: Boolean(actions?.tweaks?.sound) });
});

const until = async check => {
	while (!check())
		await new Promise(resolve => setTimeout(resolve, 10));
};

const joined = async room => {
	await until(() => client.getRoom(room)?.getMyMembership() === "join");
	return room;
};

// An event as the SDK shows it: after its edits, with the reactions that it counts.
const shown = (room, event) => {
	const content = event.getContent();
	const signs = room.relations.getChildEventsForEvent(event.getId(), sdk.RelationType.Annotation, "m.reaction")?.getSortedAnnotationsByKey() ?? [];
	return { id: event.getId(), sender: event.getSender(), kind: content.msgtype, text: content.body, html: content.formatted_body, url: content.url,
		mentions: content["m.mentions"], answers: event.replyEventId, thread: event.threadRootId ?? null, edited: event.replacingEvent() !== null,
		redacted: event.isRedacted(), encrypted: event.getWireType() === "m.room.encrypted",
		signs: signs.map(([key, events]) => [key, [...events].map(one => one.getSender())]) };
};

const isMessage = event => ["m.room.message", "m.room.encrypted"].includes(event.getWireType()) && !event.isRelation(sdk.RelationType.Replace);

const can = {
	create: async ({ alias, invite, encrypted }) => joined((await client.createRoom({
		preset: "private_chat", room_alias_name: alias, invite,
		initial_state: encrypted ? [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }] : [],
	})).room_id),
	join: async ({ room }) => joined((await client.joinRoom(room)).roomId),
	// Rooms that somebody wants to talk in privately: the one it is with, and whether it is encrypted.
	invitations: () => client.getRooms().filter(room => room.getMyMembership() === "invite").map(room =>
		({ room: room.roomId, direct: room.getDMInviter(), encrypted: room.hasEncryptionStateEvent() })),

	say: ({ room, text, thread }) => client.sendTextMessage(room, thread ?? null, text),
	html: ({ room, text, html }) => client.sendHtmlMessage(room, text, html),
	reply: ({ room, event, content }) => client.sendMessage(room, { ...content, "m.relates_to": { "m.in_reply_to": { event_id: event } } }),
	edit: ({ room, event, text }) => client.sendMessage(room, {
		...sdk.ContentHelpers.makeTextMessage(`* ${text}`), "m.new_content": sdk.ContentHelpers.makeTextMessage(text),
		"m.relates_to": { rel_type: sdk.RelationType.Replace, event_id: event },
	}),
	react: ({ room, event, key }) => client.sendEvent(room, sdk.EventType.Reaction,
		{ "m.relates_to": { rel_type: sdk.RelationType.Annotation, event_id: event, key } }),
	redact: ({ room, event }) => client.redactEvent(room, event),
	file: async ({ room, name, type, text }) => {
		const { content_uri } = await client.uploadContent(new Blob([text], { type }), { name, type });
		return client.sendMessage(room, { msgtype: sdk.MsgType.File, body: name, filename: name, url: content_uri, info: { mimetype: type, size: text.length } });
	},

	timeline: ({ room }) => client.getRoom(room).getLiveTimeline().getEvents().filter(isMessage).map(event => shown(client.getRoom(room), event)),
	threads: ({ room }) => client.getRoom(room).getThreads().map(thread =>
		({ root: thread.id, length: thread.length, events: thread.events.filter(isMessage).map(event => shown(client.getRoom(room), event)) })),
	heard: ({ room }) => heard.filter(one => one.room === room),
	complaints: () => complaints.splice(0),
};

if (encrypts)
	await client.initRustCrypto({ useIndexedDB: false });
await client.startClient({ threadSupport: true, initialSyncLimit: 50 });
await until(() => client.getSyncState() === sdk.SyncState.Syncing);

const reply = answer => process.stdout.write(`${JSON.stringify(answer)}\n`);
reply({ answer: client.getUserId() });
for await (const line of createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	try {
		const answer = await can[request.do](request.of);
		reply({ answer: answer?.event_id ?? answer ?? null });
	} catch (error) {
		reply({ error: told(error) });
	}
}
process.exit(0);
