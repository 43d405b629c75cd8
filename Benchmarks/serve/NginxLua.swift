// What one would write who wants to decide in nginx: the same hash, the same table from bucket to variant, the same
// answer, in Lua that LuaJIT compiles.

enum NginxLua {
  static let module = "/usr/lib/nginx/modules/ngx_http_lua_module.so"

  static let modules = """
    load_module /usr/lib/nginx/modules/ndk_http_module.so;
    load_module \(module);

    """

  static func http(_ folder: String) -> String {
    """
    lua_package_path "\(folder)/?.lua;;";
      init_by_lua_block { decide = require "decide" }
    """
  }

  static let location = "location = /decide { content_by_lua_block { decide() } }"

  /// Murmur3 multiplies 32-bit numbers, and Lua's are doubles: the upper half goes its own way.
  static let script = #"""
    local bit = require "bit"
    local band, bor, bxor, lshift, rshift, rol, tobit =
      bit.band, bit.bor, bit.bxor, bit.lshift, bit.rshift, bit.rol, bit.tobit
    local byte = string.byte

    local function multiply(a, b)
      return tobit(band(a, 0xffff) * b + lshift(tobit(rshift(a, 16) * b), 16))
    end

    local function mix(k)
      return multiply(rol(multiply(k, 0xcc9e2d51), 15), 0x1b873593)
    end

    local function murmur3(text)
      local h, count = 0, #text
      local last = count - count % 4
      for place = 1, last, 4 do
        local a, b, c, d = byte(text, place, place + 3)
        h = bxor(h, mix(bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))))
        h = tobit(multiply(rol(h, 13), 5) + 0xe6546b64)
      end
      if last < count then
        local a, b, c = byte(text, last + 1, count)
        h = bxor(h, mix(bor(a, lshift(b or 0, 8), lshift(c or 0, 16))))
      end
      h = bxor(h, count)
      h = multiply(bxor(h, rshift(h, 16)), 0x85ebca6b)
      h = multiply(bxor(h, rshift(h, 13)), 0xc2b2ae35)
      h = bxor(h, rshift(h, 16))
      return h < 0 and h + 4294967296 or h
    end

    local function assignment(key, id)
      return '{"experiment_key":"new-checkout","experiment_id":"7b1f3c52-1111-4aaa-9bbb-000000000001","variant_key":"' ..
        key .. '","variant_id":"' .. id .. '","payload":null}'
    end

    local control = assignment("control", "7b1f3c52-1111-4aaa-9bbb-00000000000a")
    local treatment = assignment("treatment", "7b1f3c52-1111-4aaa-9bbb-00000000000b")
    local table_of = {}
    for bucket = 0, 9999 do table_of[bucket] = bucket < 5000 and control or treatment end

    return function()
      local user = ngx.unescape_uri(ngx.var.arg_user_key or "")
      if #user == 0 or #user > 256 then return ngx.exit(400) end
      local body = '{"user_key":"' .. string.gsub(user, '[%c"\\]', function(character)
        return string.format("\\u%04x", byte(character))
      end) .. '","environment":"prod","config_version":1,"assignments":[' ..
        table_of[murmur3(user .. ":new-checkout-2026-10") % 10000] .. ']}'
      ngx.header["Content-Length"] = #body
      ngx.print(body)
    end
    """#
}
