/* Runs the Lua program on standard input. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>

int main(void)
{
	static char text[65536];
	lua_State *l = luaL_newstate();

	text[fread(text, 1, sizeof text - 1, stdin)] = 0;
	luaL_openlibs(l);
	if (luaL_dostring(l, text)) {
		fprintf(stderr, "%s\n", lua_tostring(l, -1));
		return 1;
	}
	lua_close(l);
	return 0;
}
